import assert from "node:assert/strict";
import { test } from "node:test";

import { cropOf } from "../../../extension/lib/crop.js";
import { Problem, REASONS, plainProblem } from "../../../extension/lib/problems.js";
import { KEPT, withRequest } from "../../../extension/lib/sent.js";
import { DEFAULTS, changeSettings, contextToSend, readSettings } from "../../../extension/lib/settings.js";
import { isBefore } from "../../../extension/lib/versions.js";

const FOUND = {
  pageUrl: "https://x.example/p", imageUrl: "https://x.example/i.jpg", pageTitle: "T", incognito: false,
};

test("no address is told unless the user said so", () => {
  assert.equal(DEFAULTS.sendAddresses, "never");
  assert.deepEqual(contextToSend(DEFAULTS, "context-menu", FOUND), { source: "context-menu" });
});

test("“asked” tells addresses of what the user checks, not of what is scanned", () => {
  const settings = { sendAddresses: "asked" };
  assert.equal(contextToSend(settings, "context-menu", FOUND).page_url, FOUND.pageUrl);
  assert.deepEqual(contextToSend(settings, "page-scan", FOUND), { source: "page-scan" });
  const always = contextToSend({ sendAddresses: "always" }, "page-scan", FOUND);
  assert.equal(always.image_url, FOUND.imageUrl);
});

test("private windows tell nothing, whatever the settings", () => {
  const told = contextToSend({ sendAddresses: "always" }, "context-menu", { ...FOUND, incognito: true });
  assert.deepEqual(told, { source: "context-menu" });
});

test("addresses that the backend would refuse for their length are left out", () => {
  const long = { ...FOUND, pageUrl: `https://x.example/${"a".repeat(9000)}` };
  assert.equal(contextToSend({ sendAddresses: "always" }, "page-scan", long).page_url, null);
});

test("stored settings that make no sense become the default; wrong changes are refused", () => {
  assert.deepEqual(readSettings(undefined), DEFAULTS);
  assert.deepEqual(readSettings({ sendAddresses: "sometimes", other: 1 }), DEFAULTS);
  assert.throws(() => changeSettings({}, { sendAddresses: "sometimes" }), RangeError);
  assert.throws(() => changeSettings({}, { toString: "x" }), RangeError);
  assert.equal(changeSettings({}, { sendAddresses: "asked" }).sendAddresses, "asked");
});

test("the list of what was sent is short, newest first", () => {
  let list;
  for (let i = 0; i < KEPT + 5; i += 1) list = withRequest(list, { at: i });
  assert.equal(list.length, KEPT);
  assert.equal(list[0].at, KEPT + 4);
});

test("a crop is scaled to the screen copy and kept within it", () => {
  const screen = { width: 2000, height: 1200 };
  const area = { left: 10, top: 20, width: 100, height: 50, viewWidth: 1000 };
  assert.deepEqual(cropOf(area, screen), { left: 20, top: 40, width: 200, height: 100 });
  assert.deepEqual(cropOf({ ...area, left: -50 }, screen), { left: 0, top: 40, width: 100, height: 100 });
  assert.equal(cropOf({ ...area, top: 5000 }, screen), null);
  assert.equal(cropOf({ ...area, viewWidth: 0 }, screen), null);
  assert.equal(cropOf({ ...area, left: "0" }, screen), null);
  assert.equal(cropOf(undefined, screen), null);
});

test("versions are compared by number", () => {
  assert.ok(isBefore("0.0.9", "0.1.0"));
  assert.ok(isBefore("0.9.0", "0.10.0"));
  assert.ok(!isBefore("1.0", "0.1.0"));
  assert.ok(!isBefore("0.1.0", "0.1.0"));
  assert.ok(isBefore("unknown", "0.1.0"));
});

test("a problem carries what its buttons do; any other error is one of the extension", () => {
  assert.deepEqual(new Problem("busy").plain.actions, REASONS.busy);
  assert.equal(plainProblem(new TypeError("oops")).reason, "server");
  assert.throws(() => new Problem("no such reason"), RangeError);
});
