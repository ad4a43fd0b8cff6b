/** Bytes: between text and arrays, out of data: addresses, and their hashes. */

/** The backend takes no larger picture; nothing larger is read into memory for it. */
export const MAX_PICTURE_BYTES = 20 * 1024 * 1024;
const CHUNK = 0x8000;

/** Write bytes as base64: messages between a page and the worker carry text alone. */
export function toBase64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return btoa(text);
}

/** Read base64. @throws {DOMException} where it is none. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/**
 * Decode a data: address (RFC 2397).
 * @returns {{type: string, bytes: Uint8Array} | null} null where it is none.
 */
export function decodeDataAddress(address) {
  const match = /^data:([^,]*?)(;\s*base64\s*)?,(.*)$/is.exec(address);
  if (!match) return null;
  const [, kind, base64, body] = match;
  const type = kind.split(";")[0].trim().toLowerCase() || "text/plain";
  try {
    const bytes = base64
      ? fromBase64(percentDecoded(body).replace(/\s/g, ""))
      : Uint8Array.from(percentDecoded(body), (letter) => letter.charCodeAt(0) & 0xff);
    return { type, bytes };
  } catch {
    return null;
  }
}

// One character a byte: decodeURIComponent would refuse bytes that are no UTF-8.
function percentDecoded(text) {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** Return the SHA-256 of bytes in hex. */
export async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const SIGNATURES = [
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/png", [0x89, 0x50, 0x4e, 0x47]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
];

/**
 * Tell by its first bytes which picture format a file has.
 * @returns {string | null} a media type that the backend reads, “image/svg+xml”, or null.
 */
export function pictureType(bytes) {
  for (const [type, signature] of SIGNATURES) {
    if (signature.every((byte, i) => bytes[i] === byte)) return type;
  }
  const head = String.fromCharCode(...bytes.subarray(0, 256));
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "image/webp";
  if (head.slice(4, 8) === "ftyp" && /avi[fs]/.test(head.slice(8, 40))) return "image/avif";
  return /^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!doctype svg[^>]*>\s*)*<svg[\s>]/is.test(head)
    ? "image/svg+xml"
    : null;
}
