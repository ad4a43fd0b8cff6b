/**
 * Every message that the worker takes, and from whom. Scripts in web pages may ask only for what
 * a card and a picker need, and for that with a ticket of their own tab.
 */

import { Problem } from "../lib/problems.js";
import { beginAgain, beginPick, endPick } from "./asking.js";
import { fileAppeal, putAway, unseenAnswers } from "./appeals.js";
import {
  appeal, checkFile, heatmapOf, openRecord, readHeatmap, runCheck, runScreenCopy,
} from "./checks.js";
import { openSmallWindow, tell, tellThere } from "./frames.js";
import { describePairing, findBackend, pair, testConnection, unpair } from "./pairings.js";
import { forgetAllReports, noteReport, readReport } from "./reports.js";
import { greet, openCard, scanPictures } from "./scanning.js";
import { describeSite, refreshTabs, setPaused, switchOff, switchOn, want } from "./sites.js";
import { clearSent, listSent, settings, writeSettings } from "./stores.js";
import { findTicket, ticketOf } from "./tickets.js";

const content = (handle) => ({ from: ["content"], handle });
const page = (handle) => ({ from: ["page"], handle });

export const messages = {
  "check.run": content(runCheck),
  "check.screenCopy": content(runScreenCopy),
  "check.retry": content(async (message, sender) => {
    await beginAgain((await ticketOf(message, sender)).id);
  }),
  "check.pick": content(async (message, sender) => {
    await ticketOf(message, sender);
    await beginPick(sender.tab);
  }),
  "pick.done": content(endPick),
  // A frame too small for a card has it shown by the page around it.
  "card.present": content(present),
  "card.heatmap": content(showHeatmap),
  "card.appeal": content(appeal),
  "card.options": content(() => chrome.runtime.openOptionsPage()),
  "card.dashboard": content(openDashboard),
  "card.allowHost": content(askForHost),
  // The window that asks for a host learns it here: its own address may end up in the history.
  "host.describe": page(async ({ ticket }) => ({ host: requireHost(await findTicket(ticket)) })),
  // It was answered with yes.
  "host.allowed": page(({ ticket }) => beginAgain(ticket)),
  "scan.hello": content(greet),
  "scan.check": content(scanPictures),
  "scan.card": content(openCard),
  "scan.report": content(noteReport),
  "scan.page": page(readReport),
  "scan.point": page(({ tabId, frameId, id }) => tell(tabId, frameId, { type: "scan.point", id })),
  "site.describe": page(describeSite),
  "site.want": page(want),
  "site.on": page(switchOn),
  "site.off": page(leaving(switchOff)),
  "site.pause": page(leaving(setPaused)),
  "pick.begin": page(async ({ tabId }) => beginPick(await chrome.tabs.get(tabId))),
  "backend.describe": page(describePairing),
  "backend.find": page(findBackend),
  "backend.pair": page(pair),
  "backend.test": page(testConnection),
  "backend.unpair": page(unpair),
  "settings.read": page(settings),
  "settings.write": page(async ({ changes }) => {
    const changed = await writeSettings(changes);
    await refreshTabs();
    return changed;
  }),
  "sent.list": page(async () => ({ sent: await listSent() })),
  "sent.clear": page(clearSent),
  "file.check": page(checkFile),
  "file.heatmap": page(async ({ id }) => ({ png: await heatmapOf(id) })),
  "file.appeal": page(({ id, claim, reason }) => fileAppeal(id, { claim, reason })),
  "file.dashboard": page(({ id }) => openRecord(id)),
  "appeals.answers": page(unseenAnswers),
  "appeals.seen": page(putAway),
};

// What the scripts reported goes with them; those that stay on report anew.
function leaving(change) {
  return async (message) => {
    await change(message);
    await forgetAllReports();
    await refreshTabs();
  };
}

async function present(message, sender) {
  const ticket = await ticketOf(message, sender);
  if (sender.frameId === 0) throw new Problem("stopped");
  const { state } = message;
  await tellThere(ticket.tabId, 0, { type: "card.show", ticket: ticket.id, state });
}

async function showHeatmap(message, sender) {
  const ticket = await ticketOf(message, sender);
  if (!message.shown) {
    return tell(ticket.tabId, ticket.frameId, { type: "heat.hide", ticket: ticket.id });
  }
  const png = await readHeatmap(ticket);
  return tell(ticket.tabId, ticket.frameId, { type: "heat.show", ticket: ticket.id, png });
}

async function openDashboard(message, sender) {
  const { record } = await ticketOf(message, sender);
  await openRecord(record, sender.tab.index + 1);
}

async function askForHost(message, sender) {
  const ticket = await ticketOf(message, sender);
  requireHost(ticket);
  await openSmallWindow(`pages/allow.html?${new URLSearchParams({ ticket: ticket.id })}`);
}

function requireHost({ host }) {
  if (!host) throw new Problem("stopped");
  return host;
}
