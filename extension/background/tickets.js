/**
 * A ticket stands for one check that the user asked for: it says in which tab and frame, and what
 * the script there may therefore ask of us. It lies in session storage, for the worker may end in
 * the middle of a check.
 */

import { Problem } from "../lib/problems.js";

const LIFE_MS = 60 * 60 * 1000;
const key = (id) => `ticket:${id}`;

/** Issue a ticket. `hints` say what was clicked. */
export async function issue({ tabId, frameId, incognito, hints = {} }) {
  const ticket = {
    id: crypto.randomUUID(),
    issuedAt: Date.now(),
    tabId,
    frameId,
    incognito,
    hints,
    record: null,
    logged: false,
    host: null,
  };
  await chrome.storage.session.set({ [key(ticket.id)]: ticket });
  return ticket;
}

/** Find a ticket by its id. @throws {Problem} “stopped” where it is unknown or too old. */
export async function findTicket(id) {
  const name = key(String(id));
  const { [name]: ticket } = await chrome.storage.session.get(name);
  if (!ticket || Date.now() - ticket.issuedAt > LIFE_MS) throw new Problem("stopped");
  return ticket;
}

/** Find the ticket that a script in a page shows; it is good in its own tab alone. */
export async function ticketOf(message, sender) {
  const ticket = await findTicket(message.ticket);
  if (ticket.tabId !== sender.tab?.id) throw new Problem("stopped");
  return ticket;
}

/** Write on a ticket, on top of what others wrote meanwhile. */
export async function update({ id }, changes) {
  const changed = { ...(await findTicket(id)), ...changes };
  await chrome.storage.session.set({ [key(id)]: changed });
  return changed;
}

/** Void the tickets of a tab that was closed. */
export async function forgetTab(tabId) {
  const all = await chrome.storage.session.get(null);
  const gone = Object.keys(all).filter((k) => k.startsWith("ticket:") && all[k].tabId === tabId);
  if (gone.length > 0) await chrome.storage.session.remove(gone);
}
