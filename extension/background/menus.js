/** The context menu. */

const ID = "check-picture";

/**
 * Create the menu. “page” and “link” are there because what looks like a picture is often a link
 * or an overlay above one.
 */
export function createMenus() {
  chrome.contextMenus.removeAll(() => {
    chrome.contextMenus.create({
      id: ID,
      title: chrome.i18n.getMessage("menuCheck"),
      contexts: ["image", "link", "page", "frame", "video", "selection"],
    });
  });
}

/** Keep of a click what helps to find the picture again. */
export function hintsOf({ mediaType, srcUrl, linkUrl, targetElementId }) {
  return {
    mediaType: mediaType ?? null,
    srcUrl: srcUrl ?? null,
    linkUrl: linkUrl ?? null,
    targetElementId: targetElementId ?? null, // Firefox alone
  };
}
