/** What a badge needs of a verdict, and how long it may be told again without asking. */

/** A review may come at any time, and asking by hash costs little. */
const GOOD_FOR_MS = 10 * 60 * 1000;
export const MOST_KEPT = 1500;

/** Keep of a record, or of what a lookup answers, what badges and lists show. */
export function briefOf(record) {
  const { outcome, probabilities, summary, review, similar_review: similar, conflict } = record;
  return {
    outcome,
    ai: probabilities?.ai_generated ?? null,
    summary,
    review: review ? { label: review.label, at: review.created_at } : null,
    similar: !review && similar ? { label: similar.label, at: similar.reviewed_at } : null,
    conflict: conflict === true,
  };
}

/** The weightiest first. */
export const OUTCOMES = Object.freeze(["ai_generated", "uncertain", "human_made", "not_assessed"]);

/** Return under which outcome a picture is counted: a review comes first. */
export function foundIn({ outcome, review }) {
  if (!review) return outcome;
  return review.label === "cannot_tell" ? "uncertain" : review.label;
}

/** Count pictures by outcome. */
export function countsOf(pictures) {
  const found = pictures.map(foundIn);
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, found.filter((each) => each === outcome).length]));
}

/** Sort pictures by outcome, then by what the model made of them. */
export function weightiestFirst(pictures) {
  const rank = (picture) => OUTCOMES.indexOf(foundIn(picture));
  return [...pictures].sort((a, b) => rank(a) - rank(b) || (b.ai ?? 0) - (a.ai ?? 0));
}

/** Tell whether a verdict is of the model and the thresholds in force. */
export function isCurrent({ model, policy }, inForce) {
  // What the model did not judge, evidence or the gate did: no model stands behind it.
  return policy === inForce.policy && (model === null || model.sha256 === inForce.model);
}

/** Name a verdict for the cache. */
export const keyOf = (sha256, { model, policy }) => `verdict:${sha256}:${model.slice(0, 16)}:${policy}`;

export const isFresh = ({ at }, now) => now - at < GOOD_FOR_MS && at <= now;

/** Return the names of what has to go, oldest first, so that few enough remain. */
export function outworn(entries, now, most = MOST_KEPT) {
  const stale = entries.filter(([, value]) => !isFresh(value, now));
  const fresh = entries.filter(([, value]) => isFresh(value, now)).sort(([, a], [, b]) => a.at - b.at);
  return [...stale, ...fresh.slice(0, Math.max(0, fresh.length - most))].map(([name]) => name);
}
