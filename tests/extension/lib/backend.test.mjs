import assert from "node:assert/strict";
import { test } from "node:test";

import { Backend } from "../../../extension/lib/backend.js";
import { Problem } from "../../../extension/lib/problems.js";

const BASE = "http://127.0.0.1:8765";

/** A fetch that answers from a list and keeps what it was asked. */
function answering(...answers) {
  const asked = [];
  const fetch = async (url, request) => {
    asked.push({ url, ...request });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { fetch, asked };
}

const json = (body, status = 200) => new Response(JSON.stringify(body), { status });
const refusal = (status, code, more = {}) => json({ code, detail: `d:${code}`, ...more }, status);
const reasonOf = (work) => work.then(() => "none", (error) => {
  assert.ok(error instanceof Problem, String(error));
  return error.reason;
});

test("a check sends the bytes as they are with the token, and only the options that are known", async () => {
  const { fetch, asked } = answering(json({ id: "r1" }));
  const backend = new Backend({ base: BASE, token: "bm_x", fetch });
  const bytes = Uint8Array.of(1, 2, 3);
  const record = await backend.check(bytes, { source: "context-menu", page_url: null, log: false });
  assert.equal(record.id, "r1");
  const [request] = asked;
  assert.equal(request.url, `${BASE}/api/v1/check?source=context-menu&log=false`);
  assert.equal(request.headers.Authorization, "Bearer bm_x");
  assert.equal(request.headers["Content-Type"], "application/octet-stream");
  assert.equal(request.credentials, "omit");
  assert.equal(request.redirect, "error");
  assert.equal(request.body, bytes);
});

test("page addresses go in the body of a check, never in its own address", async () => {
  const { fetch, asked } = answering(json({ id: "r1" }));
  const backend = new Backend({ base: BASE, token: "bm_x", fetch });
  await backend.check(Uint8Array.of(1, 2, 3), { source: "context-menu", page_url: "https://x.example/" });
  const [request] = asked;
  assert.equal(request.url, `${BASE}/api/v1/check`);
  assert.equal(request.headers["Content-Type"], undefined);
  assert.deepEqual([...request.body.keys()], ["image", "source", "page_url"]);
  assert.deepEqual(new Uint8Array(await request.body.get("image").arrayBuffer()), Uint8Array.of(1, 2, 3));
});

test("without a token nothing is sent but the open routes", async () => {
  const { fetch, asked } = answering(json({ info: { title: "Brushmark", version: "0.1.0" } }));
  const backend = new Backend({ base: BASE, fetch });
  assert.equal(await reasonOf(backend.model()), "unpaired");
  assert.equal(asked.length, 0);
  assert.equal(await backend.version(), "0.1.0");
  assert.deepEqual(asked[0].headers, {});
});

test("refusals become reasons a person can act on", async () => {
  const cases = [
    [401, "unauthenticated", "unpaired"], [403, "host_refused", "refused"],
    [400, "unknown_field", "older"], [404, "not_found", "older"], [405, "method_not_allowed", "older"],
    [413, "too_large", "too_large"], [415, "unsupported_type", "unsupported"],
    [422, "undecodable_image", "undecodable"], [429, "slow_down", "slow_down"],
    [503, "busy", "busy"], [503, "no_model", "no_model"], [507, "out_of_space", "no_space"],
    [500, "internal", "server"], [503, "store_damaged", "server"],
  ];
  for (const [status, code, reason] of cases) {
    const { fetch } = answering(refusal(status, code));
    const backend = new Backend({ base: BASE, token: "t", fetch });
    assert.equal(await reasonOf(backend.model()), reason, code);
  }
});

test("the pause that a busy backend asks for is kept", async () => {
  const { fetch } = answering(refusal(503, "busy", { retry_after: 3 }));
  const backend = new Backend({ base: BASE, token: "t", fetch });
  await assert.rejects(backend.model(), { reason: "busy", retryAfterS: 3, detail: "d:busy" });
});

test("an answer that is none of ours is said to come from something else", async () => {
  for (const answer of [new Response("<html>"), new Response("no", { status: 404 }), json({})]) {
    const backend = new Backend({ base: BASE, ...answering(answer) });
    assert.equal(await reasonOf(backend.version()), "not_brushmark");
  }
});

test("silence is “down” unless a better explanation is at hand; a timeout is a timeout", async () => {
  const dead = () => answering(new TypeError("Failed to fetch"));
  const explain = async () => new Problem("network_refused");
  assert.equal(await reasonOf(new Backend({ base: BASE, ...dead() }).version()), "down");
  assert.equal(await reasonOf(new Backend({ base: BASE, ...dead(), explain }).version()), "network_refused");
  const slow = answering(new DOMException("late", "TimeoutError"));
  assert.equal(await reasonOf(new Backend({ base: BASE, ...slow }).version()), "timed_out");
});

test("pairing tells a wrong code from a locked desk", async () => {
  const wrong = new Backend({ base: BASE, ...answering(refusal(401, "unauthenticated")) });
  assert.equal(await reasonOf(wrong.pair("AAAA-AAAA", "me")), "pairing_code");
  const locked = new Backend({ base: BASE, ...answering(refusal(429, "slow_down", { retry_after: 9 })) });
  await assert.rejects(locked.pair("AAAA-AAAA", "me"), { reason: "pairing_locked", retryAfterS: 9 });
});

test("a record that is gone is not taken for an old backend", async () => {
  const backend = new Backend({ base: BASE, token: "t", ...answering(refusal(404, "not_found")) });
  assert.equal(await reasonOf(backend.appeal("a/../b", "human_made", "")), "record_gone");
});

test("ids cannot leave their place in the path", async () => {
  const { fetch, asked } = answering(json({}));
  await new Backend({ base: BASE, token: "t", fetch }).prediction("../../x?y");
  assert.equal(asked[0].url, `${BASE}/api/v1/predictions/..%2F..%2Fx%3Fy`);
});
