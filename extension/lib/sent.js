/** The list of what was sent lately, for the “what is sent” view. Never bytes, never tokens. */

export const KEPT = 50;

/** Put a request before the others. */
export function withRequest(list, request) {
  return [request, ...(Array.isArray(list) ? list : [])].slice(0, KEPT);
}

/**
 * Describe a request to the backend.
 * @param {number} at milliseconds since 1970.
 * @param {object} told fields that went beside the picture.
 */
export function describeRequest({ at, to, route, bytes = 0, pictures = 0, told = {} }) {
  return { at, to, route, bytes, pictures, told };
}
