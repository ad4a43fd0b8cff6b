/** What the user decided; anything unknown or of the wrong kind is the default. */

export const WHEN_TO_SEND_ADDRESSES = ["never", "asked", "always"];

/** What happens to pictures of the chosen outcomes while a page is scanned. */
export const COVERS = ["none", "blur", "hide"];
export const COVERABLE = ["ai_generated", "human_made", "uncertain"];

export const DEFAULTS = Object.freeze({
  sendAddresses: "never",
  cover: "none",
  coverOutcomes: Object.freeze(["ai_generated"]),
  scanPrivate: false,
});

const FITS = {
  sendAddresses: (value) => WHEN_TO_SEND_ADDRESSES.includes(value),
  cover: (value) => COVERS.includes(value),
  coverOutcomes: (value) => Array.isArray(value) && value.every((each) => COVERABLE.includes(each)),
  scanPrivate: (value) => typeof value === "boolean",
};

/** Read stored settings. */
export function readSettings(stored) {
  const settings = { ...DEFAULTS };
  for (const [name, fits] of Object.entries(FITS)) {
    if (fits(stored?.[name])) settings[name] = stored[name];
  }
  return settings;
}

/** Apply changes. @throws {RangeError} for a name or value that is not ours. */
export function changeSettings(stored, changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(FITS, name)) throw new RangeError(`no such setting: ${name}`);
    if (!FITS[name](value)) throw new RangeError(`${name} cannot be ${JSON.stringify(value)}`);
  }
  return { ...readSettings(stored), ...changes };
}

/**
 * Return what may be told of where a picture was found.
 * @param {"context-menu" | "page-scan"} source
 * @param {{pageUrl: string | null, imageUrl: string | null, pageTitle: string | null,
 *   incognito: boolean}} found
 */
export function contextToSend(settings, source, found) {
  const { sendAddresses } = settings;
  const asked = source === "context-menu";
  if (found.incognito || !(sendAddresses === "always" || (sendAddresses === "asked" && asked))) {
    return { source };
  }
  return {
    source,
    page_url: clipped(found.pageUrl, 8192),
    image_url: clipped(found.imageUrl, 8192),
    page_title: clipped(found.pageTitle, 1000),
  };
}

function clipped(text, length) {
  return text && text.length <= length ? text : null;
}
