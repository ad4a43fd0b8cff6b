import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { findTicket, issue, update } from "../../../extension/background/tickets.js";
import { freshBrowser } from "./fakes.mjs";

const HOUR_MS = 60 * 60 * 1000;
const AT = { tabId: 1, frameId: 0, incognito: false };
let session;

beforeEach(() => {
  session = freshBrowser().storage.session;
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
});

const settled = () => new Promise(setImmediate);

test("what an old ticket held is gone once another is issued", async () => {
  const old = await issue({ ...AT, incognito: true });
  await update(old, { heat: "data:image/png;base64,AAAA" });
  await session.set({ other: 1 });
  mock.timers.tick(HOUR_MS + 1);
  const young = await issue(AT);
  await settled();
  assert.deepEqual(Object.keys(await session.get(null)).sort(), ["other", `ticket:${young.id}`]);
  await issue(AT);
  await settled();
  assert.equal((await findTicket(young.id)).id, young.id);
});

test("a large data: address is told once and not kept", async () => {
  const large = `data:image/png;base64,${"A".repeat(100_000)}`;
  const ticket = await issue({ ...AT, hints: { mediaType: "image", srcUrl: large, linkUrl: large } });
  assert.equal(ticket.hints.srcUrl, large);
  assert.deepEqual((await findTicket(ticket.id)).hints, { mediaType: "image", srcUrl: null, linkUrl: null });
});

test("other addresses and small data: addresses are kept, to begin again with", async () => {
  const hints = { srcUrl: "data:image/gif;base64,R0lGOA==", linkUrl: `https://x.example/${"a".repeat(100_000)}` };
  const ticket = await issue({ ...AT, hints });
  assert.deepEqual((await findTicket(ticket.id)).hints, hints);
});
