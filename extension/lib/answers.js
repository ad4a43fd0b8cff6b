/** Which appeals were answered: a review of the same picture came after them. */

/**
 * @param {{id, created_at, prediction_id, review}[]} appeals `review` is the latest of the picture.
 * @param {string[]} seen ids of appeals whose answer the user has put away.
 * @returns {{id, record, label, at}[]} newest answer first.
 */
export function answersTo(appeals, seen) {
  return appeals
    .filter(({ id, created_at: asked, review }) =>
      review && Date.parse(review.created_at) >= Date.parse(asked) && !seen.includes(id))
    .map(({ id, prediction_id: record, review }) => ({ id, record, label: review.label, at: review.created_at }))
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}
