/** Addresses: of the backend, of hosts to ask permission for, and of pages as we tell them. */

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

// `new URL` has brought every spelling of an IPv4 address, 0x7f.1 too, to four decimal numbers.
const PRIVATE_IPV4 =
  /^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))(\.\d+)+$/;
// None, loopback, unique local, link-local, and IPv4 within IPv6.
const PRIVATE_IPV6 = /^\[(::1?|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*|::ffff:.*|64:ff9b:.*)\]$/;
const PRIVATE_NAMES = /\.(localhost|local|lan|home|internal|intranet|corp|home\.arpa)$/;

export const DEFAULT_BASE = "http://127.0.0.1:8765";
export const DASHBOARD_PORT = "8501";

/**
 * Read what a person typed as the backend's address.
 * @returns {string} scheme, host and port, such as “https://brushmark.example.org”.
 * @throws {TypeError} its message is “address_unreadable” or “address_not_https”.
 */
export function backendBase(text) {
  const typed = text.trim();
  const url = URL.parse?.(withScheme(typed)) ?? parse(withScheme(typed));
  if (!url || !url.hostname || url.username || url.password) {
    throw new TypeError("address_unreadable");
  }
  if (url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.has(url.hostname))) {
    return url.origin;
  }
  throw new TypeError(url.protocol === "http:" ? "address_not_https" : "address_unreadable");
}

function withScheme(typed) {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(typed)) return typed;
  const host = typed.split(/[/:]/, 1)[0].toLowerCase();
  return `${LOOPBACK.has(host) || typed.startsWith("[::1]") ? "http" : "https"}://${typed}`;
}

function parse(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Tell whether a backend is on this machine, so that its pictures leave it for nowhere. */
export function isLocal(base) {
  const url = parse(base);
  return url !== null && LOOPBACK.has(url.hostname);
}

/**
 * Tell whether an address's host lies on this machine or in its own network, by its name alone: what
 * a public name leads to is not known here.
 */
export function isPrivate(address) {
  const host = hostOf(address).replace(/\.$/, "");
  if (host.startsWith("[")) return PRIVATE_IPV6.test(host);
  if (PRIVATE_IPV4.test(host)) return true;
  return host !== "" && (!host.includes(".") || PRIVATE_NAMES.test(host));
}

/**
 * Return where the dashboard of a backend is: of one on this machine at a port of its own, which a
 * backend tells when it is paired with; elsewhere one server stands before both.
 */
export function dashboardBase(base, port) {
  if (!isLocal(base)) return base;
  const url = new URL(base);
  url.port = Number.isInteger(port) && port > 0 ? String(port) : DASHBOARD_PORT;
  return url.origin;
}

/** Return the match pattern that covers an address's host, on every port (patterns name none). */
export function hostPattern(address) {
  const url = parse(address);
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  return `${url.protocol}//${url.hostname}/*`;
}

/** Return an http(s) address without its fragment, or null for any other kind. */
export function webAddress(address) {
  const url = parse(address ?? "");
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  url.hash = "";
  url.username = "";
  url.password = "";
  return url.href;
}

/** Return an address's host for people to read, or "" where it has none. */
export function hostOf(address) {
  return parse(address ?? "")?.hostname ?? "";
}

/** Return reverse-search pages for a picture that lies at a public address. */
export function reverseSearches(address) {
  const web = webAddress(address);
  if (!web || isLocal(web) || !hostOf(web).includes(".")) return [];
  const quoted = encodeURIComponent(web);
  return [
    { name: "TinEye", url: `https://tineye.com/search?url=${quoted}` },
    { name: "Google Lens", url: `https://lens.google.com/uploadbyurl?url=${quoted}` },
    { name: "Bing", url: `https://www.bing.com/images/search?view=detailv2&iss=sbi&q=imgurl:${quoted}` },
  ];
}
