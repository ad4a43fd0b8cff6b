/** Checking one picture for a ticket: have its bytes, ask the backend, remember the answer. */

import { reverseSearches, webAddress } from "../lib/addresses.js";
import { fromBase64, toBase64 } from "../lib/bytes.js";
import { Problem } from "../lib/problems.js";
import { contextToSend } from "../lib/settings.js";
import { mannerOf, obtain, outOfReach } from "./pictures.js";
import { fileAppeal } from "./appeals.js";
import { captureCrop } from "./screen.js";
import { noteSent, pairedBackend, pairing, settings } from "./stores.js";
import { ticketOf, update } from "./tickets.js";

const MOST_CANDIDATES = 12;
// What comes from a private window is not logged, and so has its heat map within.
const UNLOGGED = { log: false, heatmap: true };

/**
 * Check the picture that our script in a page found.
 * @param {object} message `ticket`, `candidates` (see `obtain`), `page` {url, title}, `readHere`:
 *   whether the page's script has tried what it could.
 * @returns {Promise<{view: object} | {read: number[]}>} what the card shows, or which candidates
 *   the page's script should try to read first.
 */
export async function runCheck(message, sender) {
  const ticket = await ticketOf(message, sender);
  const candidates = readCandidates(message.candidates);
  const backend = await pairedBackend(); // an unpaired extension asks nobody for a picture
  if (!message.readHere) {
    const closed = await outOfReach(candidates, sender.url);
    if (closed.length > 0) return { read: closed };
  }
  const picture = await rememberingHost(ticket, () => obtain(candidates, sender.url, mannerOf(ticket)));
  return judge(ticket, backend, picture, sender);
}

/** Check a piece of the screen in place of a picture that cannot be had. */
export async function runScreenCopy(message, sender) {
  const ticket = await ticketOf(message, sender);
  const backend = await pairedBackend();
  const bytes = await captureCrop(sender.tab, message.area);
  return judge(ticket, backend, { bytes, address: "", how: "screen" }, sender);
}

/** Check a file that the user dropped on one of our pages. */
export async function checkFile({ bytes, incognito = false }) {
  const backend = await pairedBackend();
  const picture = { bytes: fromBase64(bytes), address: "", how: "file" };
  const options = { source: "context-menu", ...(incognito ? UNLOGGED : {}) };
  const record = await ask(backend, picture, options, incognito);
  const view = await viewOf(record, picture, { logged: !incognito, backend });
  // Our own page shows the map itself, so it may have the map that came within.
  return { view: incognito ? { ...view, record } : view };
}

async function judge(ticket, backend, picture, sender) {
  const options = contextToSend(await settings(), "context-menu", {
    pageUrl: webAddress(sender.tab?.url),
    imageUrl: webAddress(picture.address),
    pageTitle: sender.tab?.title ?? null,
    incognito: ticket.incognito,
  });
  const logged = !ticket.incognito;
  const told = logged ? options : { ...options, ...UNLOGGED };
  const record = await ask(backend, picture, told, ticket.incognito);
  const heat = logged ? null : record.heatmap;
  const [view] = await Promise.all([
    viewOf(record, picture, { logged, backend }),
    update(ticket, { record: record.id, logged, heat }),
  ]);
  return { view };
}

async function ask(backend, picture, options, incognito) {
  const { bytes } = picture;
  const request = {
    to: backend.base, route: "POST /check", bytes: bytes.length, pictures: 1, told: options,
  };
  const [record] = await Promise.all([
    backend.check(bytes, options),
    noteSent(request, { incognito }),
  ]);
  return record;
}

/** Put together what a card shows. */
async function viewOf(record, { address, how }, { logged, backend }) {
  const { dashboard } = (await pairing()) ?? {};
  return {
    record: { ...record, heatmap: record.heatmap ? true : null },
    how,
    searches: reverseSearches(address),
    logged,
    dashboard: dashboard ?? null,
    backend: backend.base,
  };
}

/** Return the heat map of a ticket's picture as base64. */
export async function readHeatmap(ticket) {
  if (!ticket.record) throw new Problem("record_gone");
  if (!ticket.logged) {
    if (!ticket.heat) throw new Problem("record_gone");
    return ticket.heat.slice(ticket.heat.indexOf(",") + 1);
  }
  return heatmapOf(ticket.record);
}

/** Return the heat map of a record as base64. */
export async function heatmapOf(record) {
  const backend = await pairedBackend();
  await noteSent({ to: backend.base, route: "GET /predictions/…/heatmap" });
  return toBase64(await backend.heatmap(record));
}

/** File the user's disagreement with the verdict of a ticket. */
export async function appeal(message, sender) {
  const ticket = await ticketOf(message, sender);
  return fileAppeal(ticket.logged ? ticket.record : null, message);
}

/** Open the record of a check in the dashboard, in a tab beside. */
export async function openRecord(record, index) {
  const { dashboard } = (await pairing()) ?? {};
  if (!dashboard || !record) throw new Problem("record_gone");
  const url = `${dashboard}/gallery?${new URLSearchParams({ id: record })}`;
  await chrome.tabs.create({ url, ...(index === undefined ? {} : { index }) });
}

// The card can offer to ask for the permission that was missing; the page must not choose which.
async function rememberingHost(ticket, work) {
  try {
    return await work();
  } catch (error) {
    if (error.reason === "host_permission") await update(ticket, { host: error.host });
    throw error;
  }
}

/** Read what a page's script sent, believing nothing. */
export function readCandidates(candidates) {
  if (!Array.isArray(candidates)) throw new Problem("nothing_found");
  return candidates
    .filter(({ address, bytes }) => typeof address === "string" || typeof bytes === "string")
    .slice(0, MOST_CANDIDATES)
    .map(({ address = "", bytes, how, shape }) => ({
      address,
      bytes,
      how: String(how ?? "picture"),
      shape: Number.isFinite(shape) ? shape : null,
    }));
}
