/** Checking the pictures of a page that the user has switched on: by hash first, by bytes if need be. */

import { webAddress } from "../lib/addresses.js";
import { gate, inBatches } from "../lib/batches.js";
import { sha256 } from "../lib/bytes.js";
import { Problem, fromRefusal, plainProblem } from "../lib/problems.js";
import { contextToSend } from "../lib/settings.js";
import { briefOf, isCurrent } from "../lib/verdicts.js";
import { readCandidates } from "./checks.js";
import { PRIVATE, UNASKED, obtain, outOfReach } from "./pictures.js";
import { scannedSender } from "./sites.js";
import { noteSent, pairedBackend, settings } from "./stores.js";
import { issue } from "./tickets.js";
import { inForce, keep, kept } from "./verdicts.js";

const MOST_IN_MESSAGE = 16;
const download = gate(4);
const upload = gate(2);

/** Answer a script that has just started, or was told to ask anew. */
export async function greet(message, sender) {
  const site = await scannedSender(sender);
  if (!site) return { on: false };
  const { cover, coverOutcomes } = await settings();
  const { minShortSidePx } = await inForce(await pairedBackend()).catch(() => ({}));
  return { on: true, cover, coverOutcomes, minShortSidePx: minShortSidePx ?? 64 };
}

/**
 * Check pictures of a page.
 * @param {{pictures: {candidates: object[], readHere: boolean}[]}} message see `obtain`.
 * @returns {Promise<{results: ({verdict} | {read: number[]} | {problem})[]}>} in order; `read` names
 *   candidates that the page's script should try to read first.
 * @throws {Problem} where none of them can be checked now.
 */
export async function scanPictures({ pictures }, sender) {
  const site = await requireScanned(sender);
  if (!Array.isArray(pictures) || pictures.length > MOST_IN_MESSAGE) throw new Problem("stopped");
  const backend = await pairedBackend();
  const current = await inForce(backend);
  const had = await Promise.all(pictures.map((each) => download(() => have(each, sender, site))));
  const found = had.filter(({ bytes }) => bytes);
  const verdicts = await verdictsOf(found, { backend, current, site, sender });
  return {
    results: had.map(({ hash, ...answer }) => (hash ? verdicts.get(hash) : answer)),
  };
}

/** Open a card for a picture whose badge was pressed. */
export async function openCard(message, sender) {
  const { incognito } = await requireScanned(sender);
  const ticket = await issue({ tabId: sender.tab.id, frameId: sender.frameId, incognito });
  return { ticket: ticket.id };
}

async function requireScanned(sender) {
  const site = await scannedSender(sender);
  if (!site) throw new Problem("not_scanned");
  return site;
}

// A page chooses these addresses and nobody pressed a button: no cookies of other sites go along.
async function have({ candidates: told, readHere }, sender, { incognito }) {
  try {
    const candidates = readCandidates(told);
    if (!readHere) {
      const closed = await outOfReach(candidates, sender.url);
      if (closed.length > 0) return { read: closed };
    }
    const { bytes } = await obtain(candidates, sender.url, incognito ? PRIVATE : UNASKED);
    return { bytes, hash: await sha256(bytes) };
  } catch (error) {
    return { problem: plainProblem(error) };
  }
}

async function verdictsOf(found, scan) {
  const bytesOf = new Map(found.map(({ hash, bytes }) => [hash, bytes]));
  const verdicts = new Map();
  const take = (known) => known.forEach((verdict, hash) => verdicts.set(hash, { verdict }));
  const missing = () => [...bytesOf.keys()].filter((hash) => !verdicts.has(hash));
  const { incognito } = scan.site;
  take(await kept(missing(), scan.current));
  if (missing().length > 0) take(await lookUp(missing(), scan));
  const batches = inBatches(missing().map((hash) => ({ hash, bytes: bytesOf.get(hash) })));
  await Promise.all(batches.map((batch) => upload(async () => {
    for (const [hash, answer] of await judge(batch, scan)) verdicts.set(hash, answer);
  })));
  if (!incognito) await keep(verdicts, scan.current);
  return verdicts;
}

async function lookUp(hashes, { backend, current, site }) {
  await noteSent({ to: backend.base, route: "POST /lookup", told: { sha256: hashes.length } }, site);
  const known = await backend.lookup(hashes);
  return new Map(
    Object.entries(known)
      .filter(([, record]) => isCurrent(record, current))
      .map(([hash, record]) => [hash, briefOf(record)]),
  );
}

async function judge(batch, { backend, site, sender }) {
  const { incognito } = site;
  const found = { pageUrl: webAddress(sender.tab?.url), imageUrl: null, pageTitle: sender.tab?.title ?? null };
  const told = contextToSend(await settings(), "page-scan", { ...found, incognito });
  const options = incognito ? { ...told, log: false } : told;
  const bytes = batch.reduce((sum, picture) => sum + picture.bytes.length, 0);
  const request = { to: backend.base, route: "POST /check/batch", bytes, pictures: batch.length, told: options };
  await noteSent(request, site);
  const results = await backend.checkBatch(batch.map((picture) => new Blob([picture.bytes])), options);
  return batch.map(({ hash }, i) => [hash, answerOf(results[i])]);
}

function answerOf({ record, problem }) {
  return record
    ? { verdict: briefOf(record) }
    : { problem: fromRefusal(problem.status, problem).plain };
}
