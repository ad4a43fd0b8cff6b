import assert from "node:assert/strict";
import { test } from "node:test";

import { dispatcher, senderKind } from "../../../extension/lib/messages.js";

const US = { id: "ours", root: "chrome-extension://ours/" };
const PAGE = { id: "ours", url: "chrome-extension://ours/pages/options.html", tab: { id: 3 } };
const POPUP = { id: "ours", url: "chrome-extension://ours/pages/popup.html" };
const CONTENT = { id: "ours", url: "https://x.example/", tab: { id: 4 }, frameId: 0 };

test("senders are told apart by id and address", () => {
  assert.equal(senderKind(PAGE, US), "page");
  assert.equal(senderKind(POPUP, US), "page");
  assert.equal(senderKind(CONTENT, US), "content");
  assert.equal(senderKind({ ...CONTENT, id: "another" }, US), null);
  assert.equal(senderKind({ ...PAGE, id: "another" }, US), null);
  assert.equal(senderKind({ ...CONTENT, url: "https://x.example/chrome-extension://ours/" }, US), "content");
  assert.equal(senderKind({ id: "ours" }, US), null);
});

test("a message reaches its handler only from those who may send it", async () => {
  const heard = [];
  const table = {
    secret: { from: ["page"], handle: (message) => heard.push(message) },
    shared: { from: ["page", "content"], handle: async () => ({ well: true }) },
  };
  const listen = dispatcher(table, US, (error) => ({ reason: error.message }));
  const ask = (message, sender) => new Promise((resolve) => {
    if (!listen(message, sender, resolve)) resolve("ignored");
  });
  assert.equal(await ask({ type: "secret" }, CONTENT), "ignored");
  assert.equal(await ask({ type: "secret" }, { ...PAGE, id: "another" }), "ignored");
  assert.equal(heard.length, 0);
  await ask({ type: "secret" }, PAGE);
  assert.equal(heard.length, 1);
  assert.deepEqual(await ask({ type: "shared" }, CONTENT), { well: true });
});

test("names from the object's prototype, and no message at all, are ignored", () => {
  const listen = dispatcher({}, US, String);
  for (const message of [{ type: "constructor" }, { type: "__proto__" }, {}, null, undefined, 7]) {
    assert.equal(listen(message, PAGE, () => assert.fail("answered")), false);
  }
});

test("a failure goes back as a problem", async () => {
  const table = { fails: { from: ["page"], handle: () => { throw new Error("why"); } } };
  const listen = dispatcher(table, US, (error) => ({ reason: error.message }));
  const answer = await new Promise((resolve) => { listen({ type: "fails" }, PAGE, resolve); });
  assert.deepEqual(answer, { problem: { reason: "why" } });
});
