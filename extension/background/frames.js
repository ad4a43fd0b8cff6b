/** Our scripts in web pages: put there when the user asks for something, and spoken to. */

import { Problem } from "../lib/problems.js";

/** In this order: each adds to what those before it put on `globalThis.brushmark`. */
export const CONTENT_SCRIPTS = [
  "content/words.js",
  "content/srcset.js",
  "content/geometry.js",
  "content/dom.js",
  "content/sources.js",
  "content/locate.js",
  "content/read.js",
  "content/elements.js",
  "content/card-style.js",
  "content/card-parts.js",
  "content/card.js",
  "content/heat.js",
  "content/picker.js",
  "content/check.js",
  "content/main.js",
];

/** Those of page scanning, after the others. */
export const SCAN_SCRIPTS = [
  "content/badge-place.js",
  "content/badge-style.js",
  "content/badges.js",
  "content/follow.js",
  "content/discover.js",
  "content/scan-queue.js",
  "content/scan.js",
];

/** Say something to our script in a frame. @returns its answer. */
export function tell(tabId, frameId, message) {
  return chrome.tabs.sendMessage(tabId, message, { frameId });
}

/**
 * Say something to our script in a frame, putting it there where it is not.
 * @returns its answer.
 * @throws {Problem} “page_forbidden” where the browser or the user's grants don't let us.
 */
export async function tellThere(tabId, frameId, message) {
  const answer = await tell(tabId, frameId, message).catch(() => null); // nobody hears it, as a rule
  if (answer) return answer;
  await putScript(tabId, frameId);
  return tell(tabId, frameId, message);
}

async function putScript(tabId, frameId) {
  try {
    await chrome.scripting.executeScript({
      target: { tabId, frameIds: [frameId] },
      files: CONTENT_SCRIPTS,
      injectImmediately: true,
    });
  } catch (error) {
    throw new Problem("page_forbidden", { detail: String(error?.message ?? error) });
  }
}

/** Have our script in every frame of a tab that we may enter. @returns the frames' ids. */
export async function enterAllFrames(tabId) {
  const entered = await chrome.scripting.executeScript({
    target: { tabId, allFrames: true },
    files: CONTENT_SCRIPTS,
    injectImmediately: true,
  });
  return entered.map(({ frameId }) => frameId);
}

/**
 * Show something where no script of ours can run (the browser's own pages, the store): a window
 * of our own.
 */
export async function showInWindow(problem) {
  const query = new URLSearchParams({ reason: problem.reason });
  await openSmallWindow(`pages/notice.html?${query}`);
}

/** Open one of our pages in a small window; where there are no windows, in a tab. */
export async function openSmallWindow(path) {
  const url = chrome.runtime.getURL(path);
  if (!chrome.windows?.create) return chrome.tabs.create({ url });
  return chrome.windows.create({ url, type: "popup", width: 460, height: 380 });
}
