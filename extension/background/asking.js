/** The beginning of a check: the user pointed at something, or wants to. */

import { plainProblem } from "../lib/problems.js";
import { enterAllFrames, showInWindow, tell, tellThere } from "./frames.js";
import { fetchAhead } from "./pictures.js";
import { pairing } from "./stores.js";
import { findTicket, issue, ticketOf, update } from "./tickets.js";

/** Check what was clicked in a frame of a tab. Never rejects: a failure is shown. */
export async function beginAt(tab, frameId, hints) {
  if (!tab.incognito && hints.mediaType === "image") ahead(hints.srcUrl, tab.url);
  const ticket = await issue({ tabId: tab.id, frameId, incognito: tab.incognito, hints });
  await begin(ticket);
}

// An unpaired extension asks nobody for a picture.
async function ahead(address, pageUrl) {
  if (address && (await pairing())) await fetchAhead(address, pageUrl).catch(() => {});
}

/** Let the user pick a picture with the mouse. Never rejects: a failure is shown. */
export async function beginPick(tab) {
  const ticket = await issue({ tabId: tab.id, frameId: 0, incognito: tab.incognito });
  await Promise.all([inFrame(ticket, "pick.begin"), inInnerFrames(ticket)]);
}

/** One frame's picker is done: its picture is the ticket's, and the other frames stop picking. */
export async function endPick(message, sender) {
  const ticket = await ticketOf(message, sender);
  await update(ticket, { frameId: sender.frameId });
  await chrome.tabs.sendMessage(ticket.tabId, { type: "pick.end" }).catch(() => {});
}

/** Begin the check of a ticket, or begin it again. */
export async function begin(ticket) {
  await inFrame(ticket, "check.begin");
}

/** Begin again: after a failure, or once a permission was given. */
export async function beginAgain(ticketId) {
  await begin(await findTicket(ticketId));
}

async function inFrame(ticket, type) {
  const { id, tabId, frameId, hints, incognito } = ticket;
  try {
    await tellThere(tabId, frameId, { type, ticket: id, hints, incognito });
  } catch (error) {
    if (frameId !== 0) return inTopFrame(ticket);
    await showInWindow(plainProblem(error));
  }
}

// Frames that we may not enter are left out: there the menu still helps.
async function inInnerFrames({ id, tabId }) {
  const entered = await enterAllFrames(tabId).catch(() => []);
  for (const frameId of entered.filter((each) => each !== 0)) {
    tell(tabId, frameId, { type: "pick.begin", ticket: id }).catch(() => {});
  }
}

// A frame of another site may be closed to us. What the menu knows of the picture is enough to
// fetch it, and the page around the frame can show the card.
async function inTopFrame(ticket) {
  const hints = { ...ticket.hints, elsewhere: true };
  await inFrame({ ...ticket, frameId: 0, hints }, hints.srcUrl ? "check.begin" : "pick.begin");
}
