/** Appeals of this browser, and what curators answered. */

import { Problem } from "../lib/problems.js";
import { answersTo } from "../lib/answers.js";
import { noteSent, pairedBackend } from "./stores.js";

const MOST_SEEN = 500;

/** File a disagreement with a record. */
export async function fileAppeal(record, { claim, reason }) {
  if (!record) throw new Problem("record_gone");
  const backend = await pairedBackend();
  const told = { claim, reason: String(reason).slice(0, 2000) };
  await noteSent({ to: backend.base, route: "POST /predictions/…/appeals", told });
  await backend.appeal(record, told.claim, told.reason);
  return { filed: true };
}

/** Return the answers that the user has not put away yet. */
export async function unseenAnswers() {
  const backend = await pairedBackend();
  await noteSent({ to: backend.base, route: "GET /appeals" });
  return { answers: answersTo(await backend.appeals(), await seen()) };
}

/** Put an answer away. */
export async function putAway({ id }) {
  const known = await seen();
  await chrome.storage.local.set({ seenAnswers: [String(id), ...known].slice(0, MOST_SEEN) });
}

async function seen() {
  const { seenAnswers } = await chrome.storage.local.get("seenAnswers");
  return Array.isArray(seenAnswers) ? seenAnswers : [];
}
