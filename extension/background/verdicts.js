/** Verdicts that were told lately, and which model and thresholds are in force. Of the session alone. */

import { isFresh, keyOf, outworn } from "../lib/verdicts.js";
import { noteSent } from "./stores.js";

const ASK_AGAIN_MS = 60_000;

/** Ask what is in force, at most once a minute. @returns {{model, policy, minShortSidePx}} */
export async function inForce(backend) {
  const { inForce: known } = await chrome.storage.session.get("inForce");
  if (known?.base === backend.base && Date.now() - known.at < ASK_AGAIN_MS) return known;
  await noteSent({ to: backend.base, route: "GET /model" });
  const model = await backend.model();
  const now = {
    base: backend.base,
    at: Date.now(),
    model: model.sha256,
    policy: model.policy.number,
    minShortSidePx: model.min_short_side_px,
  };
  await chrome.storage.session.set({ inForce: now });
  return now;
}

/** Forget verdicts and what is in force: another backend would say something else. */
export async function forgetVerdicts() {
  const all = await chrome.storage.session.get(null);
  const ours = Object.keys(all).filter((name) => name.startsWith("verdict:"));
  await chrome.storage.session.remove([...ours, "inForce"]);
}

/** Return a map by hash of those verdicts that are still good. */
export async function kept(hashes, current) {
  const stored = await chrome.storage.session.get(hashes.map((hash) => keyOf(hash, current)));
  const now = Date.now();
  return new Map(
    hashes
      .map((hash) => [hash, stored[keyOf(hash, current)]])
      .filter(([, known]) => known && isFresh(known, now))
      .map(([hash, known]) => [hash, known.verdict]),
  );
}

let writes = 0;

/** Keep verdicts; every so often the oldest have to go. */
export async function keep(answers, current) {
  const at = Date.now();
  const fresh = {};
  const known = await kept([...answers.keys()], current);
  for (const [hash, { verdict }] of answers) {
    if (verdict && !known.has(hash)) fresh[keyOf(hash, current)] = { at, verdict };
  }
  await chrome.storage.session.set(fresh);
  writes += 1;
  if (writes % 20 === 1) await tidy(at);
}

async function tidy(now) {
  const all = Object.entries(await chrome.storage.session.get(null));
  const old = outworn(all.filter(([name]) => name.startsWith("verdict:")), now);
  if (old.length > 0) await chrome.storage.session.remove(old);
}
