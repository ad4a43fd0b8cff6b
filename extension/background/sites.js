/** Switching page scanning on and off: what is stored, what the browser granted, where the script is. */

import { hostOf } from "../lib/addresses.js";
import { Problem } from "../lib/problems.js";
import {
  ALL, isHost, isScanned, matchesOf, patternsOf, readScanning, siteOf, withPictureHost, withSite,
  withoutSite,
} from "../lib/sites.js";
import { CONTENT_SCRIPTS, SCAN_SCRIPTS } from "./frames.js";
import { pairing, settings } from "./stores.js";

const ID = "scan";

export async function scanning() {
  const { scanning: stored } = await chrome.storage.local.get("scanning");
  return readScanning(stored);
}

/** Say how a page stands, for the popup. `privateOff`: its window is one that is left alone. */
export async function describeSite({ address, incognito = false }) {
  const [now, { scanPrivate }] = await Promise.all([scanning(), settings()]);
  const site = siteOf(address);
  return {
    ...now,
    site,
    onSite: site !== null && Object.hasOwn(now.sites, site),
    scanned: isScanned(now, address, { incognito, scanPrivate }),
    privateOff: incognito && !scanPrivate,
  };
}

/**
 * Remember what the user is about to allow. The browser's question closes the popup in some
 * browsers, so the answer is heard here (`permissionsAdded`) as well.
 */
export async function want({ site = null, pictures = null }) {
  await chrome.storage.session.set({ wanted: { site, pictures, at: Date.now() } });
}

/** Switch on what the user has just allowed. @throws {Problem} where the browser did not grant it. */
export async function switchOn({ site = null, pictures = null }) {
  if (![site, pictures].every((host) => host === null || isHost(host))) throw new Problem("stopped");
  const needed = site === null ? ALL : patternsOf(pictures ?? site);
  if (!(await chrome.permissions.contains({ origins: [...needed] }))) {
    throw new Problem("site_permission", { host: pictures ?? site ?? "" });
  }
  await change((now) => {
    if (site === null) return { ...now, everywhere: true };
    return pictures === null ? withSite(now, site) : withPictureHost(now, site, pictures);
  });
}

/** Switch a site off, or scanning everywhere, and give the permission back. */
export async function switchOff({ site = null }) {
  let giveBack = [...ALL];
  await change((now) => {
    if (site === null) return { ...now, everywhere: false };
    const off = withoutSite(now, site);
    giveBack = now.everywhere ? [] : off.giveBack.flatMap(patternsOf);
    return off.scanning;
  });
  await release(giveBack);
}

/** Pause everywhere, or go on. Permissions stay: a pause is not a change of mind. */
export function setPaused({ paused }) {
  return change((now) => ({ ...now, paused: paused === true }));
}

/** Complete what was wanted, once the browser says that it was granted. */
export async function permissionsAdded() {
  const { wanted } = await chrome.storage.session.get("wanted");
  if (!wanted || Date.now() - wanted.at > 5 * 60_000) return;
  try {
    await switchOn(wanted);
    await chrome.storage.session.remove("wanted");
  } catch {
    // Something else was granted.
  }
}

/** Let go of what the user took back in the browser's settings. */
export async function permissionsRemoved() {
  const now = await scanning();
  const kept = { ...now, sites: {} };
  const granted = (patterns) => chrome.permissions.contains({ origins: [...patterns] });
  kept.everywhere = now.everywhere && (await granted(ALL));
  for (const [host, pictures] of Object.entries(now.sites)) {
    if (await granted(patternsOf(host))) kept.sites[host] = pictures;
  }
  await change(() => kept);
}

/** Tell whether the script that sends may have pictures checked, and in which manner. */
export async function scannedSender(sender) {
  const { scanPrivate } = await settings();
  const incognito = sender.tab?.incognito === true;
  const address = /^https?:/.test(sender.url ?? "") ? sender.url : sender.origin;
  return isScanned(await scanning(), address, { incognito, scanPrivate }) ? { incognito } : null;
}

let changes = Promise.resolve();

// One after the other: reading and writing are two steps, and so is registering the script.
function change(how) {
  changes = changes.catch(() => {}).then(async () => {
    const scanning_ = how(await scanning());
    await chrome.storage.local.set({ scanning: scanning_ });
    await place(scanning_);
  });
  return changes;
}

/** Put the script where it belongs: into pages to come, and into those that are open. */
export function applySites() {
  return change((now) => now);
}

async function place(now) {
  const matches = matchesOf(now);
  await register(matches);
  await refreshTabs();
  if (matches.length === 0) return;
  const tabs = await chrome.tabs.query({ url: matches });
  await Promise.all(tabs.map(({ id }) => enter(id)));
}

async function register(matches) {
  const known = (await chrome.scripting.getRegisteredContentScripts({ ids: [ID] })).length > 0;
  if (matches.length === 0) {
    if (known) await chrome.scripting.unregisterContentScripts({ ids: [ID] });
    return;
  }
  const script = {
    id: ID, matches, js: [...CONTENT_SCRIPTS, ...SCAN_SCRIPTS], allFrames: true,
    matchOriginAsFallback: true, runAt: "document_idle", persistAcrossSessions: true,
  };
  await (known
    ? chrome.scripting.updateContentScripts([script])
    : chrome.scripting.registerContentScripts([script]));
}

function enter(tabId) {
  const files = [...CONTENT_SCRIPTS, ...SCAN_SCRIPTS]; // those that are there already stay as they are
  return chrome.scripting.executeScript({ target: { tabId, allFrames: true }, files }).catch(() => {});
}

/** Have every script in a page ask anew whether it is wanted, and how. */
export async function refreshTabs() {
  for (const { id } of await chrome.tabs.query({})) {
    chrome.tabs.sendMessage(id, { type: "scan.refresh" }).catch(() => {});
  }
}

// The backend's own host stays allowed: without it nothing could be checked.
async function release(origins) {
  const backend = hostOf((await pairing())?.base);
  const away = origins.filter((pattern) => hostOf(pattern.replace("/*", "/")) !== backend);
  if (away.length > 0) await chrome.permissions.remove({ origins: away }).catch(() => {});
}
