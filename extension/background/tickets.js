/**
 * A ticket stands for one check that the user asked for: it says in which tab and frame, and what
 * the script there may therefore ask of us. It lies in session storage, for the worker may end in
 * the middle of a check.
 */

import { Problem } from "../lib/problems.js";

const LIFE_MS = 60 * 60 * 1000;
const MOST_DATA_CHARACTERS = 32 * 1024;
const key = (id) => `ticket:${id}`;
const isOld = ({ issuedAt }) => Date.now() - issuedAt > LIFE_MS;

/** Issue a ticket. `hints` say what was clicked; of them, large data: addresses are not kept. */
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
  await chrome.storage.session.set({ [key(ticket.id)]: { ...ticket, hints: withoutData(hints) } });
  dropWhere(isOld).catch(() => {}); // no check waits for that
  return ticket;
}

// They are whole pictures, and the page's script finds those again without.
function withoutData(hints) {
  const isLarge = (hint) => /^data:/i.test(hint ?? "") && hint.length > MOST_DATA_CHARACTERS;
  return Object.fromEntries(Object.entries(hints).map(([name, hint]) => [name, isLarge(hint) ? null : hint]));
}

/** Find a ticket by its id. @throws {Problem} “stopped” where it is unknown or too old. */
export async function findTicket(id) {
  const name = key(String(id));
  const { [name]: ticket } = await chrome.storage.session.get(name);
  if (!ticket || isOld(ticket)) throw new Problem("stopped");
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
export function forgetTab(tabId) {
  return dropWhere((ticket) => ticket.tabId === tabId);
}

async function dropWhere(isGone) {
  const all = await chrome.storage.session.get(null);
  const gone = Object.keys(all).filter((name) => name.startsWith("ticket:") && isGone(all[name]));
  if (gone.length > 0) await chrome.storage.session.remove(gone);
}
