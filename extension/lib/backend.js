/** The backend as the extension knows it. Nobody else speaks HTTP to it. */

import { Problem, fromRefusal } from "./problems.js";

const API = "/api/v1";
/** What a picture may take, at most: a cold backend on a slow machine, a queue before it. */
const CHECK_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 10_000;
const BYTES = "application/octet-stream";
const TELLING = new Set(["page_url", "image_url", "page_title"]);

export class Backend {
  /**
   * @param {object} wiring
   * @param {string} wiring.base scheme, host and port.
   * @param {string | null} wiring.token what pairing gave; null before it.
   * @param {typeof fetch} wiring.fetch
   * @param {() => Promise<Problem | null>} [wiring.explain] says more of a failed connection.
   */
  constructor({ base, token = null, fetch, explain = async () => null }) {
    this.base = base;
    this.token = token;
    this._fetch = fetch;
    this._explain = explain;
  }

  /** Exchange a pairing code for a token. @throws {Problem} */
  async pair(code, name) {
    try {
      return await this._json("POST", "/pair", { json: { code, name }, open: true });
    } catch (error) {
      if (error.reason === "unpaired") throw new Problem("pairing_code", { detail: error.detail });
      if (error.reason === "slow_down") throw new Problem("pairing_locked", error);
      throw error;
    }
  }

  /** Return the version of what answers there. @throws {Problem} also where it is no Brushmark. */
  async version() {
    const document = await this._json("GET", "/openapi.json", { open: true });
    if (document?.info?.title !== "Brushmark") throw new Problem("not_brushmark");
    return String(document.info.version);
  }

  /**
   * Have a picture judged. @returns the prediction record. @throws {Problem}
   * @param {Uint8Array} picture the original bytes.
   * @param {object} options `source`, and perhaps `page_url`, `image_url`, `page_title`, `log`,
   *   `heatmap`.
   */
  check(picture, options) {
    const told = Object.entries(options).filter(([, value]) => value !== null && value !== undefined);
    const wait = { timeoutMs: CHECK_TIMEOUT_MS };
    if (told.every(([name]) => !TELLING.has(name))) {
      // The bytes as they are: neither side has to build or take apart a form.
      const query = new URLSearchParams(told);
      return this._json("POST", `/check?${query}`, { ...wait, body: picture, type: BYTES });
    }
    // Addresses go in the body: others' logs may keep what stands in a request's own address.
    const form = new FormData();
    form.append("image", new Blob([picture]), "picture");
    for (const [name, value] of told) form.append(name, String(value));
    return this._json("POST", "/check", { ...wait, body: form });
  }

  /** Have up to 64 pictures judged; one {record} or {problem} each, in order. */
  async checkBatch(pictures, options) {
    const form = new FormData();
    for (const picture of pictures) form.append("image", picture, "picture");
    for (const [name, value] of Object.entries(options)) {
      if (value !== null && value !== undefined) form.append(name, String(value));
    }
    const wait = { body: form, timeoutMs: CHECK_TIMEOUT_MS };
    return (await this._json("POST", "/check/batch", wait)).results;
  }

  /** Look up verdicts and reviews by hash: at most 256. @returns a map by hash. */
  async lookup(hashes) {
    return (await this._json("POST", "/lookup", { json: { sha256: hashes } })).results;
  }

  model() {
    return this._json("GET", "/model");
  }

  policy() {
    return this._json("GET", "/policy");
  }

  prediction(id) {
    return this._json("GET", `/predictions/${encodeURIComponent(id)}`, { record: true });
  }

  /** File a disagreement. @param {"ai_generated" | "human_made"} claim */
  appeal(id, claim, reason) {
    const path = `/predictions/${encodeURIComponent(id)}/appeals`;
    return this._json("POST", path, { json: { claim, reason }, record: true });
  }

  /** List the appeals of this client, newest first, each with the latest review of its picture. */
  async appeals() {
    return (await this._json("GET", "/appeals")).appeals;
  }

  /** Return the heat map as the bytes of a PNG. */
  async heatmap(id) {
    const path = `/predictions/${encodeURIComponent(id)}/heatmap`;
    const answer = await this._ask("GET", path, { record: true });
    return new Uint8Array(await answer.arrayBuffer());
  }

  async _json(method, path, options = {}) {
    const answer = await this._ask(method, path, options);
    try {
      return await answer.json();
    } catch (error) {
      if (error?.name === "TimeoutError") throw new Problem("timed_out");
      throw new Problem(error instanceof SyntaxError ? "not_brushmark" : "down"); // it ended in the middle
    }
  }

  async _ask(method, path, { json, body, type, open = false, record = false, timeoutMs } = {}) {
    if (!open && !this.token) throw new Problem("unpaired");
    const headers = open ? {} : { Authorization: `Bearer ${this.token}` };
    if (json || type) headers["Content-Type"] = type ?? "application/json";
    const answer = await this._reach(API + path, {
      method,
      headers,
      body: json ? JSON.stringify(json) : body,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs ?? ASK_TIMEOUT_MS),
    });
    if (answer.ok) return answer;
    const problem = fromRefusal(answer.status, await answer.json().catch(() => null));
    throw record && problem.reason === "older" && answer.status === 404
      ? new Problem("record_gone")
      : problem;
  }

  async _reach(path, request) {
    try {
      return await this._fetch(this.base + path, request);
    } catch (error) {
      if (error?.name === "TimeoutError") throw new Problem("timed_out");
      throw (await this._explain()) ?? new Problem("down");
    }
  }
}
