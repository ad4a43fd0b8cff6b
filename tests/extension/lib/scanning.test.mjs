import assert from "node:assert/strict";
import { test } from "node:test";

import { answersTo } from "../../../extension/lib/answers.js";
import { gate, inBatches } from "../../../extension/lib/batches.js";
import { changeSettings } from "../../../extension/lib/settings.js";
import {
  ALL, isHost, isScanned, matchesOf, patternsOf, readScanning, siteOf, withPictureHost, withSite, withoutSite,
} from "../../../extension/lib/sites.js";
import { briefOf, isCurrent, isFresh, keyOf, outworn } from "../../../extension/lib/verdicts.js";

const OFF = readScanning(undefined);

test("nothing is scanned to begin with, and nonsense in the storage switches nothing on", () => {
  assert.deepEqual(OFF, { everywhere: false, paused: false, sites: {} });
  assert.deepEqual(readScanning({ everywhere: 1, sites: { "*": [], "a b": [], "x.example": ["*", "c.example"] } }),
    { everywhere: false, paused: false, sites: { "x.example": ["c.example"] } });
  assert.deepEqual(matchesOf(OFF), []);
  assert.ok(!isScanned(OFF, "https://x.example/"));
});

test("a site is a host: no other host, no other scheme, no wildcard", () => {
  const on = withSite(OFF, "x.example");
  assert.ok(isScanned(on, "https://x.example/a?b#c"));
  assert.ok(isScanned(on, "http://x.example:8080/"));
  for (const other of ["https://y.example/", "https://a.x.example/", "file:///x.example", "null", undefined]) {
    assert.ok(!isScanned(on, other), other);
  }
  assert.deepEqual(matchesOf(on), patternsOf("x.example"));
  assert.equal(siteOf("chrome://x.example/"), null);
  assert.ok(["a.example", "[::1]", "127.0.0.1"].every(isHost));
  assert.ok(!["*", "*.a.example", "a.example/*", "", null, "a..b"].some(isHost));
});

test("a pause is everywhere, and private windows need a word of their own", () => {
  const all = { ...OFF, everywhere: true };
  assert.deepEqual(matchesOf(all), ALL);
  assert.ok(isScanned(all, "https://x.example/"));
  assert.ok(!isScanned(all, "https://x.example/", { incognito: true }));
  assert.ok(isScanned(all, "https://x.example/", { incognito: true, scanPrivate: true }));
  assert.ok(!isScanned({ ...all, paused: true }, "https://x.example/"));
  assert.deepEqual(matchesOf({ ...all, paused: true }), []);
});

test("switching off gives back what no other site needs", () => {
  let on = withPictureHost(withSite(OFF, "a.example"), "a.example", "cdn.example");
  on = withPictureHost(withPictureHost(withSite(on, "b.example"), "b.example", "cdn.example"), "b.example", "i.example");
  assert.deepEqual(withoutSite(on, "a.example").giveBack, ["a.example"]);
  const { scanning, giveBack } = withoutSite(on, "b.example");
  assert.deepEqual(giveBack, ["b.example", "i.example"]);
  assert.deepEqual(scanning.sites, { "a.example": ["cdn.example"] });
  assert.deepEqual(withoutSite(scanning, "a.example").giveBack, ["a.example", "cdn.example"]);
});

test("batches are small in number and in bytes, and lose nothing", () => {
  const sized = (...lengths) => lengths.map((length) => ({ bytes: { length } }));
  const shape = (batches) => batches.map((batch) => batch.map(({ bytes }) => bytes.length));
  assert.deepEqual(shape(inBatches(sized(1, 2, 3), { most: 2 })), [[1, 2], [3]]);
  assert.deepEqual(shape(inBatches(sized(6, 5, 20, 1), { mostBytes: 10 })), [[6], [5], [20], [1]]);
  assert.deepEqual(inBatches([]), []);
});

test("a gate lets so many in, and a failure lets the next one in", async () => {
  const through = gate(2);
  let inside = 0;
  let most = 0;
  const work = (i) => through(async () => {
    most = Math.max(most, (inside += 1));
    await new Promise((resolve) => { setTimeout(resolve, 2); });
    inside -= 1;
    if (i === 1) throw new Error("one");
    return i;
  });
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
  assert.equal(most, 2);
  assert.deepEqual(results.map(({ value }) => value), [0, undefined, 2, 3, 4]);
});

const NOW = { model: "m".repeat(64), policy: 3 };
const RECORD = {
  outcome: "uncertain", probabilities: { ai_generated: 0.4, human_made: 0.6 }, summary: "s",
  review: null, policy: 3, model: { version: "v", sha256: NOW.model },
};

test("a verdict is told again only of the same model and thresholds, and not for long", () => {
  assert.ok(isCurrent(RECORD, NOW));
  assert.ok(!isCurrent({ ...RECORD, policy: 2 }, NOW));
  assert.ok(!isCurrent({ ...RECORD, model: { version: "v", sha256: "other" } }, NOW));
  assert.notEqual(keyOf("a", NOW), keyOf("a", { ...NOW, policy: 4 }));
  assert.ok(isFresh({ at: 1000 }, 1000 + 60_000));
  assert.ok(!isFresh({ at: 1000 }, 1000 + 11 * 60_000));
  assert.ok(!isFresh({ at: 2000 }, 1000), "a clock that was put back");
  const entries = [["c", { at: 30 }], ["a", { at: 10 }], ["b", { at: 20 }]];
  assert.deepEqual(outworn(entries, 40, 1), ["a", "b"]);
});

test("a review comes first; likeness is a hint that a review replaces", () => {
  const similar = { label: "human_made", reviewed_at: "2026-11-01T00:00:00Z", distance: 3 };
  assert.deepEqual(briefOf({ ...RECORD, similar_review: similar }).similar,
    { label: "human_made", at: similar.reviewed_at });
  assert.equal(briefOf({ ...RECORD, similar_review: similar }).outcome, "uncertain");
  const review = { label: "human_made", created_at: "2026-11-02T00:00:00Z" };
  assert.equal(briefOf({ ...RECORD, review, similar_review: similar }).similar, null);
  assert.equal(briefOf({ ...RECORD, conflict: true }).conflict, true);
  assert.equal(briefOf(RECORD).conflict, false);
});

test("an appeal is answered by a review that came after it, once", () => {
  const appeal = (id, asked, reviewed) => ({
    id, created_at: asked, prediction_id: `p${id}`,
    review: reviewed && { label: "human_made", created_at: reviewed },
  });
  const appeals = [
    appeal("1", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
    appeal("2", "2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"),
    appeal("3", "2026-11-02T00:00:00Z", null),
    appeal("4", "2026-11-02T00:00:00Z", "2026-11-04T00:00:00Z"),
  ];
  assert.deepEqual(answersTo(appeals, []).map(({ id }) => id), ["4", "1"]);
  assert.deepEqual(answersTo(appeals, ["4"]).map(({ record }) => record), ["p1"]);
});

test("covers are for outcomes that there are", () => {
  assert.deepEqual(changeSettings({}, { coverOutcomes: ["uncertain"] }).coverOutcomes, ["uncertain"]);
  assert.throws(() => changeSettings({}, { coverOutcomes: ["all"] }), RangeError);
  assert.throws(() => changeSettings({}, { cover: "explode" }), RangeError);
});
