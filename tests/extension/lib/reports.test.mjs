import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { noteReport, readReport } from "../../../extension/background/reports.js";
import { freshBrowser } from "./fakes.mjs";

const TAB = { id: 7, incognito: false };
const AI = { outcome: "ai_generated", ai: 0.9, review: null };
const UNSURE = { outcome: "uncertain", ai: 0.5, review: null };
let browser;

beforeEach(async () => {
  browser = freshBrowser();
  await chrome.storage.local.set({ scanning: { everywhere: true } });
});

function report(frameId, doc, items) {
  const sender = { tab: TAB, frameId, url: "https://x.example/" };
  return noteReport({ doc, items, closed: {}, failed: 0, problem: null, left: 0 }, sender);
}

const frames = async () => (await readReport({ tabId: TAB.id })).frames;

test("everything that was found is counted, also what is too much for the list", async () => {
  const reviewed = { ...AI, review: { label: "cannot_tell" } };
  await report(0, "a", [...Array(400).fill(UNSURE), reviewed, ...Array(350).fill(AI)]);
  const { 0: top } = await frames();
  assert.deepEqual(top.counts, { ai_generated: 350, uncertain: 401, human_made: 0, not_assessed: 0 });
  assert.equal(top.items.length, 300);
  assert.ok(top.items.every(({ outcome }) => outcome === "ai_generated"), "the weightiest are listed");
  assert.equal(browser.badge.get(TAB.id), "350");
});

test("frames that report at once all stand in the list", async () => {
  await report(0, "a", []);
  await Promise.all([report(0, "a", [AI]), report(3, "b", [AI]), report(5, "c", [AI])]);
  assert.deepEqual(Object.keys(await frames()), ["0", "3", "5"]);
  assert.equal(browser.badge.get(TAB.id), "3");
});

test("a new page begins anew, and its frames that were quicker are asked again", async () => {
  await report(0, "a", [AI]);
  await report(3, "b", [AI]);
  assert.deepEqual(browser.told, []);
  await report(8, "d", [AI]); // a frame of the next page
  await report(0, "c", [UNSURE]);
  assert.deepEqual(Object.keys(await frames()), ["0"]);
  assert.deepEqual(browser.told, [{ tabId: TAB.id, type: "scan.report" }]);
  await report(8, "d", [AI]);
  await report(0, "c", [UNSURE]);
  assert.deepEqual(Object.keys(await frames()), ["0", "8"]);
  assert.equal(browser.told.length, 1);
});

test("a page that was left for another and is back begins anew", async () => {
  await report(0, "a", [AI]);
  await report(0, "b", []);
  assert.equal(browser.badge.get(TAB.id), "");
  await report(0, "a", [AI]);
  assert.equal(browser.badge.get(TAB.id), "1");
});

test("one write that was refused does not keep later reports out", async () => {
  const { set } = chrome.storage.session;
  chrome.storage.session.set = async () => { throw new Error("quota"); };
  await assert.rejects(report(0, "a", [AI]));
  chrome.storage.session.set = set;
  await report(0, "a", [AI]);
  assert.equal(browser.badge.get(TAB.id), "1");
});
