/** What outlives the worker: settings and pairing on disk, the rest for the session alone. */

import { Backend } from "../lib/backend.js";
import { dashboardBase, hostPattern } from "../lib/addresses.js";
import { Problem } from "../lib/problems.js";
import { changeSettings, readSettings } from "../lib/settings.js";
import { describeRequest, withRequest } from "../lib/sent.js";

/** Keep scripts in web pages, ours included, from reading the token. */
export function protectStorage() {
  chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });
}

/** @returns {Promise<{base: string, token: string, client: string, dashboard: string} | null>} */
export async function pairing() {
  const { pairing: stored } = await chrome.storage.local.get("pairing");
  return stored?.base && stored.token ? stored : null;
}

export function keepPairing({ base, token, client, dashboardPort }) {
  return chrome.storage.local.set({
    pairing: { base, token, client, dashboard: dashboardBase(base, dashboardPort) },
  });
}

export function dropPairing() {
  return chrome.storage.local.remove("pairing");
}

export async function settings() {
  const { settings: stored } = await chrome.storage.local.get("settings");
  return readSettings(stored);
}

export async function writeSettings(changes) {
  const { settings: stored } = await chrome.storage.local.get("settings");
  const changed = changeSettings(stored, changes);
  await chrome.storage.local.set({ settings: changed });
  return changed;
}

/** Return the backend that we are paired with. @throws {Problem} where there is none. */
export async function pairedBackend() {
  const paired = await pairing();
  if (!paired) throw new Problem("not_configured");
  return backendAt(paired.base, paired.token);
}

/** Return the backend at an address, paired with or not. */
export function backendAt(base, token = null) {
  return new Backend({
    base,
    token,
    fetch: (...request) => fetch(...request),
    explain: () => explainSilence(base),
  });
}

// Why a connection failed is not told to scripts; these are the causes that can be asked for.
async function explainSilence(base) {
  const reachable = await chrome.permissions.contains({ origins: [hostPattern(base)] })
    .catch(() => true);
  if (!reachable) return new Problem("backend_permission", { host: new URL(base).hostname });
  for (const name of ["local-network-access", "loopback-network", "local-network"]) {
    const status = await navigator.permissions?.query({ name }).catch(() => null);
    if (status?.state === "denied") return new Problem("network_refused");
  }
  return null;
}

let sentQueue = Promise.resolve();

/** Take down what is about to be sent. Private windows leave no trace here either. */
export function noteSent(request, { incognito = false } = {}) {
  if (incognito) return Promise.resolve();
  const described = describeRequest({ at: Date.now(), ...request });
  // One after the other: reading and writing the list are two steps.
  sentQueue = sentQueue.catch(() => {}).then(async () => {
    const { sent } = await chrome.storage.session.get("sent");
    await chrome.storage.session.set({ sent: withRequest(sent, described) });
  });
  return sentQueue;
}

export async function listSent() {
  const { sent } = await chrome.storage.session.get("sent");
  return sent ?? [];
}

export function clearSent() {
  return chrome.storage.session.remove("sent");
}
