import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { listSent, noteSent } from "../../../extension/background/stores.js";
import { freshBrowser } from "./fakes.mjs";

let session;

beforeEach(() => {
  session = freshBrowser().storage.session;
});

test("a request that could not be noted leaves the next ones as they are", async () => {
  const { set } = session;
  session.set = async () => { throw new Error("quota"); };
  await assert.rejects(noteSent({ to: "b", route: "GET /1" }));
  await noteSent({ to: "b", route: "GET /2" }, { incognito: true });
  session.set = set;
  await Promise.all([noteSent({ to: "b", route: "GET /3" }), noteSent({ to: "b", route: "GET /4" })]);
  assert.deepEqual((await listSent()).map(({ route }) => route), ["GET /4", "GET /3"]);
});
