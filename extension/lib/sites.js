/** Which sites have their pictures checked while the user reads. Pure: the browser's part is elsewhere. */

import { hostOf } from "./addresses.js";

/** Every web page, as permission patterns and as matches of a script. */
export const ALL = Object.freeze(["https://*/*", "http://*/*"]);

/** Patterns for one host. Two, because the browser compares them one by one. */
export const patternsOf = (host) => [`https://${host}/*`, `http://${host}/*`];

/**
 * Read what is stored.
 * @returns {{everywhere: boolean, paused: boolean, sites: Record<string, string[]>}} `sites` says for
 *   each host of pages from which other hosts its pictures may be read.
 */
export function readScanning(stored) {
  const sites = {};
  for (const [host, pictures] of Object.entries(stored?.sites ?? {})) {
    if (isHost(host)) sites[host] = Array.isArray(pictures) ? pictures.filter(isHost) : [];
  }
  return { everywhere: stored?.everywhere === true, paused: stored?.paused === true, sites };
}

// What a URL gave as its host; no wildcard may slip into a permission.
export const isHost = (text) =>
  typeof text === "string" && /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)$/.test(text);

/** Return the host that “on this site” means for a page, or null where nothing can be scanned. */
export function siteOf(address) {
  if (!/^https?:/.test(address ?? "")) return null;
  const host = hostOf(address);
  return isHost(host) ? host : null;
}

/** Tell whether a page's pictures are checked. Private windows need a word of their own. */
export function isScanned(scanning, address, { incognito = false, scanPrivate = false } = {}) {
  const host = siteOf(address);
  if (host === null || scanning.paused || (incognito && !scanPrivate)) return false;
  return scanning.everywhere || Object.hasOwn(scanning.sites, host);
}

/** Return where the script belongs. */
export function matchesOf({ everywhere, paused, sites }) {
  if (paused) return [];
  return everywhere ? [...ALL] : Object.keys(sites).flatMap(patternsOf);
}

export function withSite(scanning, host) {
  return { ...scanning, sites: { [host]: [], ...scanning.sites } };
}

/** Let pictures of a site be read from one more host. */
export function withPictureHost(scanning, host, pictureHost) {
  const known = scanning.sites[host] ?? [];
  const hosts = known.includes(pictureHost) ? known : [...known, pictureHost];
  return { ...scanning, sites: { ...scanning.sites, [host]: hosts } };
}

/**
 * Switch a site off.
 * @returns {{scanning: object, giveBack: string[]}} `giveBack`: hosts that no other site needs.
 */
export function withoutSite(scanning, host) {
  const { [host]: pictures = [], ...sites } = scanning.sites;
  const needed = new Set(Object.entries(sites).flat(2));
  const giveBack = [host, ...pictures].filter((each) => !needed.has(each));
  return { scanning: { ...scanning, sites }, giveBack };
}
