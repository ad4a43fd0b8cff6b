/** Fetching the original bytes of a picture, past the page's own limits where we may. */

import { MAX_PICTURE_BYTES, decodeDataAddress, fromBase64, pictureType } from "../lib/bytes.js";
import { hostOf, hostPattern, isPrivate, webAddress } from "../lib/addresses.js";
import { Problem } from "../lib/problems.js";

const TIMEOUT_MS = 20_000;

/** From the cache where it lies there, with the cookies of its host. */
const AS_SHOWN = Object.freeze({ cache: "force-cache", credentials: "include" });
/** For what a page chose and nobody pressed. */
export const UNASKED = Object.freeze({ cache: "force-cache", credentials: "omit" });
/** For private windows: the cookies and the cache that we have are not theirs. */
export const PRIVATE = Object.freeze({ cache: "no-store", credentials: "omit" });

/** Say how the hosts of pictures are asked for a click. */
export const mannerOf = ({ incognito }) => (incognito ? PRIVATE : AS_SHOWN);

/**
 * Have the bytes of the first candidate that can be had.
 *
 * @param {{address: string, bytes?: string, how: string}[]} candidates best first; `bytes` is
 *   base64 that the page's script has read already.
 * @param {string} pageUrl the page that shows them, as the browser says.
 * @param {{credentials: string, cache: string}} [manner] how their hosts are asked.
 * @returns {Promise<{bytes: Uint8Array, address: string, how: string}>}
 * @throws {Problem} the most helpful of what went wrong.
 */
export async function obtain(candidates, pageUrl, manner = AS_SHOWN) {
  let worst = null;
  for (const candidate of candidates) {
    try {
      const bytes = await bytesOf(candidate, pageUrl, manner);
      requirePicture(bytes);
      if (candidate.shape && !(await hasShape(bytes, candidate.shape))) continue;
      return { bytes, address: candidate.address, how: candidate.how };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      worst = worse(worst, error);
    }
  }
  throw worst ?? new Problem("nothing_found");
}

/** Say which candidates the page's script has to try, because we may not reach their hosts. */
export async function outOfReach(candidates, pageUrl) {
  const closed = [];
  for (const [index, { address, bytes }] of candidates.entries()) {
    if (bytes === undefined && webAddress(address) && !(await mayFetch(address, pageUrl))) {
      closed.push(index);
    }
  }
  return closed;
}

async function bytesOf({ address, bytes }, pageUrl, manner) {
  if (typeof bytes === "string") return fromBase64(bytes);
  if (address.startsWith("data:")) {
    const decoded = decodeDataAddress(address);
    if (!decoded) throw new Problem("not_a_picture");
    return decoded.bytes;
  }
  // What only the page can read it could not: a canvas that others drew on, a blob it let go of.
  if (!webAddress(address)) throw new Problem("kept_by_page");
  if (!(await mayFetch(address, pageUrl))) throw new Problem("host_permission", { host: hostOf(address) });
  const coming = (manner === AS_SHOWN && takeBegun(address)) || download(address, manner);
  const found = await coming;
  // A redirect is known only once it was followed: what it led to on this machine goes no further.
  if (isKept(found.url, pageUrl)) throw new Problem("unreachable", { host: hostOf(address) });
  return found.bytes;
}

// Our host permission for the backend reaches every program on this machine, and that for all sites
// the whole network it is in. A page from elsewhere must not have us read anything there in its name.
const isKept = (address, pageUrl) => isPrivate(address) && !isPrivate(pageUrl);

async function mayFetch(address, pageUrl) {
  if (isKept(address, pageUrl)) return false;
  return chrome.permissions.contains({ origins: [hostPattern(address)] });
}

const begun = new Map();

/**
 * Begin to fetch the picture that was clicked, while our script is still on its way into the page.
 * It is taken where that picture turns out to be the best candidate, and forgotten otherwise.
 */
export async function fetchAhead(address, pageUrl) {
  if (!webAddress(address) || !(await mayFetch(address, pageUrl))) return;
  const coming = download(address, AS_SHOWN);
  coming.catch(() => {}); // whoever takes it hears of it
  begun.set(address, coming);
  setTimeout(() => begun.delete(address), TIMEOUT_MS);
}

function takeBegun(address) {
  const coming = begun.get(address);
  begun.delete(address);
  return coming;
}

/** Fetch an address. @returns {Promise<{bytes: Uint8Array, url: string}>} `url`: where it led to. */
async function download(address, manner) {
  const host = hostOf(address);
  let answer;
  try {
    answer = await fetch(address, {
      ...manner,
      headers: { Accept: "image/avif,image/webp,image/png,image/jpeg,image/gif,*/*;q=0.5" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Problem("unreachable", { host });
  }
  if (!answer.ok) throw new Problem("unreachable", { host, detail: `HTTP ${answer.status}` });
  return { bytes: await readAtMost(answer, MAX_PICTURE_BYTES), url: answer.url };
}

// Nothing beyond the limit is waited for, whatever the host says of its length.
async function readAtMost(answer, limit) {
  if (!answer.body) return new Uint8Array();
  const reader = answer.body.getReader();
  if (Number(answer.headers.get("content-length") ?? 0) > limit) return refuse(reader);
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await nextOf(reader, answer);
    if (done) return joined(parts, size);
    size += value.length;
    if (size > limit) return refuse(reader);
    parts.push(value);
  }
}

function refuse(reader) {
  reader.cancel().catch(() => {});
  throw new Problem("too_large");
}

function nextOf(reader, { url }) {
  return reader.read().catch(() => {
    throw new Problem("unreachable", { host: hostOf(url) });
  });
}

function joined(parts, size) {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function requirePicture(bytes) {
  const type = pictureType(bytes);
  if (type === "image/svg+xml") throw new Problem("unsupported");
  if (type === null) throw new Problem("not_a_picture");
}

const SHAPE_TOLERANCE = 0.03;

// What a thumbnail links to is taken for the same picture only where it has the same shape.
async function hasShape(bytes, shape) {
  const image = await createImageBitmap(new Blob([bytes])).catch(() => null);
  return image !== null && Math.abs(image.width / image.height / shape - 1) < SHAPE_TOLERANCE;
}

// A missing permission can be given; that a copy is gone helps nobody while another is there.
const HELPFUL = ["host_permission", "too_large", "unsupported", "not_a_picture", "unreachable"];

function worse(known, found) {
  if (!known) return found;
  const rank = ({ reason }) => {
    const place = HELPFUL.indexOf(reason);
    return place < 0 ? HELPFUL.length : place;
  };
  return rank(found) < rank(known) ? found : known;
}
