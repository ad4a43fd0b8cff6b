/** What the scripts in a tab found, for the popup and for the number on our button. */

import { countsOf, weightiestFirst } from "../lib/verdicts.js";
import { scannedSender } from "./sites.js";

const MOST_LISTED = 300;
const key = (tabId) => `page:${tabId}`;

let turns = Promise.resolve();

// One after the other: reading and writing are two steps, and frames report together.
function inTurn(work) {
  turns = turns.catch(() => {}).then(work);
  return turns;
}

/** Take down how a frame stands. A new document in the top frame begins a new page. */
export async function noteReport(report, sender) {
  if (!(await scannedSender(sender))) return forgetReports(sender.tab.id);
  return inTurn(() => note(report, sender));
}

async function note({ doc, ...report }, { tab, frameId }) {
  const name = key(tab.id);
  const { [name]: known = { doc: null, frames: {} } } = await chrome.storage.session.get(name);
  const begins = frameId === 0 && known.doc !== doc;
  const frames = { ...(begins ? {} : known.frames), [frameId]: standOf(report) };
  await chrome.storage.session.set({ [name]: { doc: begins ? doc : known.doc, frames } });
  await showCount(tab.id, frames);
  if (begins) askAgain(tab.id, known.frames);
}

// Of the new page's frames some may have been quicker than its top; those of the old one are silent.
function askAgain(tabId, frames) {
  const others = Object.keys(frames).some((frameId) => Number(frameId) !== 0);
  if (others) chrome.tabs.sendMessage(tabId, { type: "scan.report" }).catch(() => {});
}

function standOf({ items, closed, failed, problem, left }) {
  const found = weightiestFirst(Array.isArray(items) ? items : []);
  return {
    items: found.slice(0, MOST_LISTED), counts: countsOf(found),
    closed: closed ?? {}, problem: problem ?? null,
    failed: Number(failed) || 0, left: Number(left) || 0,
  };
}

/** Read what is known of a tab's page. */
export async function readReport({ tabId }) {
  const { [key(tabId)]: known } = await chrome.storage.session.get(key(tabId));
  return { frames: known?.frames ?? {} };
}

/** Forget a tab: it was closed, or scanning was switched off there. */
export function forgetReports(tabId) {
  return inTurn(async () => {
    await chrome.storage.session.remove(key(tabId));
    await chrome.action.setBadgeText({ tabId, text: "" }).catch(() => {});
  });
}

/** Forget every tab's. */
export async function forgetAllReports() {
  const all = await chrome.storage.session.get(null);
  const tabs = Object.keys(all).filter((name) => name.startsWith("page:"));
  await Promise.all(tabs.map((name) => forgetReports(Number(name.slice("page:".length)))));
}

// Pages can draw look-alikes of our badges, but not this number.
async function showCount(tabId, frames) {
  const flagged = Object.values(frames).reduce((sum, { counts }) => sum + counts.ai_generated, 0);
  const text = flagged > 0 ? String(Math.min(flagged, 999)) : "";
  await chrome.action.setBadgeBackgroundColor({ tabId, color: "#a83f14" }).catch(() => {});
  await chrome.action.setBadgeText({ tabId, text }).catch(() => {});
}
