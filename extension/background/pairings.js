/** Finding a backend, pairing with it, and finding out how it is. */

import { DEFAULT_BASE, backendBase, isLocal } from "../lib/addresses.js";
import { Problem, plainProblem } from "../lib/problems.js";
import { OLDEST_BACKEND, isBefore } from "../lib/versions.js";
import { refreshTabs } from "./sites.js";
import { forgetVerdicts } from "./verdicts.js";
import { backendAt, dropPairing, keepPairing, noteSent, pairing } from "./stores.js";

/** Say which backend we are paired with, or which could be. */
export async function describePairing() {
  const paired = await pairing();
  const base = paired?.base ?? DEFAULT_BASE;
  return {
    base,
    paired: paired !== null,
    client: paired?.client ?? null,
    dashboard: paired?.dashboard ?? null,
    local: isLocal(base),
  };
}

/** Look for a backend at an address. @returns {{base, version} | {base, problem}} */
export async function findBackend({ base: typed }) {
  const base = typed ? readBase(typed) : DEFAULT_BASE;
  try {
    return { base, version: await requireVersion(backendAt(base)) };
  } catch (error) {
    return { base, problem: plainProblem(error) };
  }
}

/** Pair with a backend. @throws {Problem} */
export async function pair({ base: typed, code, name }) {
  const backend = backendAt(readBase(typed));
  await requireVersion(backend);
  await noteSent({ to: backend.base, route: "POST /pair", told: { name } });
  const { token, client, dashboard_port: dashboardPort } = await backend.pair(code, name);
  await keepPairing({ base: backend.base, token, client, dashboardPort });
  await forgetVerdicts();
  await refreshTabs(); // scripts that found nobody to ask go on
  return describePairing();
}

/** Ask the paired backend everything that a check needs. @throws {Problem} */
export async function testConnection() {
  const paired = await pairing();
  if (!paired) throw new Problem("not_configured");
  const backend = backendAt(paired.base, paired.token);
  const version = await requireVersion(backend);
  await noteSent({ to: backend.base, route: "GET /model" });
  const started = performance.now();
  const model = await backend.model();
  return {
    version,
    model: model.version,
    policy: model.policy.number,
    minShortSidePx: model.min_short_side_px,
    elapsedMs: Math.round(performance.now() - started),
  };
}

/** Forget the token. The backend's `brushmark tokens revoke` makes it worthless as well. */
export async function unpair() {
  await dropPairing();
  await forgetVerdicts();
  return describePairing();
}

async function requireVersion(backend) {
  const version = await backend.version();
  if (isBefore(version, OLDEST_BACKEND)) throw new Problem("older", { detail: version });
  return version;
}

function readBase(typed) {
  try {
    return backendBase(typed);
  } catch (error) {
    throw new Problem(error.message);
  }
}
