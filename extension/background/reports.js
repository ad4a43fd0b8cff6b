/** What the scripts in a tab found, for the popup and for the number on our button. */

import { scannedSender } from "./sites.js";

const MOST_LISTED = 300;
const key = (tabId) => `page:${tabId}`;

/** Take down how a frame stands. A new document in the top frame begins a new page. */
export async function noteReport({ doc, items, closed, failed, problem, left }, sender) {
  if (!(await scannedSender(sender))) return forgetReports(sender.tab.id);
  const name = key(sender.tab.id);
  const { [name]: known } = await chrome.storage.session.get(name);
  const top = sender.frameId === 0;
  const fresh = !known || (top && known.doc !== doc);
  const frames = fresh ? {} : known.frames;
  frames[sender.frameId] = {
    items: (Array.isArray(items) ? items : []).slice(0, MOST_LISTED),
    closed: closed ?? {}, problem: problem ?? null,
    failed: Number(failed) || 0, left: Number(left) || 0,
  };
  await chrome.storage.session.set({ [name]: { doc: top ? doc : known?.doc ?? null, frames } });
  await showCount(sender.tab.id, frames);
}

/** Read what is known of a tab's page. */
export async function readReport({ tabId }) {
  const { [key(tabId)]: known } = await chrome.storage.session.get(key(tabId));
  return { frames: known?.frames ?? {} };
}

/** Forget a tab: it was closed, or scanning was switched off there. */
export async function forgetReports(tabId) {
  await chrome.storage.session.remove(key(tabId));
  await chrome.action.setBadgeText({ tabId, text: "" }).catch(() => {});
}

/** Forget every tab's. */
export async function forgetAllReports() {
  const all = await chrome.storage.session.get(null);
  const tabs = Object.keys(all).filter((name) => name.startsWith("page:"));
  await Promise.all(tabs.map((name) => forgetReports(Number(name.slice("page:".length)))));
}

// Pages can draw look-alikes of our badges, but not this number.
async function showCount(tabId, frames) {
  const items = Object.values(frames).flatMap((frame) => frame.items);
  const flagged = items.filter((item) => (item.review?.label ?? item.outcome) === "ai_generated");
  const text = flagged.length > 0 ? String(Math.min(flagged.length, 999)) : "";
  await chrome.action.setBadgeBackgroundColor({ tabId, color: "#a83f14" }).catch(() => {});
  await chrome.action.setBadgeText({ tabId, text }).catch(() => {});
}
