import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

const MEGABYTE = 1024 * 1024;
globalThis.location = { origin: "https://x.example" };
globalThis.document = { baseURI: "https://x.example/" };
globalThis.brushmark = { read: { tried: async (address) => readable[address] ?? {} } };
await import("../../../extension/content/scan-queue.js");
const { make } = globalThis.brushmark.scanQueue;

let readable;
let sent;
let answer;

beforeEach(() => {
  readable = {};
  sent = [];
  answer = ({ pictures }) => ({ results: pictures.map(() => ({ verdict: {} })) });
  globalThis.chrome = { runtime: { sendMessage: async (message) => (sent.push(message), answer(message)) } };
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

function queue(wanted = () => true) {
  const answered = [];
  const made = make({
    candidatesOf: ({ address }) => [{ address, how: "picture" }],
    stillWanted: wanted,
    answered: (entry) => answered.push(entry.address),
    troubled: () => {},
  });
  return { ...made, answered };
}

async function pass(ms) {
  mock.timers.tick(ms);
  for (let turns = 0; turns < 5; turns += 1) await new Promise(setImmediate);
}

test("after a failure whose pictures left the view, the next picture is asked about", async () => {
  let wanted = true;
  const { push, answered } = queue(() => wanted);
  answer = () => ({ problem: { reason: "down" } });
  push({ address: "https://c.example/1.jpg" });
  await pass(60);
  wanted = false;
  await pass(2000);
  wanted = true;
  answer = () => ({ results: [{ verdict: {} }] });
  push({ address: "https://c.example/2.jpg" });
  await pass(60);
  assert.deepEqual(answered, ["https://c.example/2.jpg"]);
});

test("a pause after a failure is kept, whatever comes into view meanwhile", async () => {
  const { push } = queue();
  answer = () => ({ problem: { reason: "down" } });
  push({ address: "https://c.example/1.jpg" });
  await pass(60);
  push({ address: "https://c.example/2.jpg" });
  await pass(1900);
  assert.equal(sent.length, 1);
  await pass(100);
  assert.equal(sent.length, 2);
});

test("large originals go in several messages, for a browser carries 64 MB in one", async () => {
  const { push, answered } = queue();
  const addresses = Array.from({ length: 8 }, (_, i) => `https://x.example/${i}.jpg`);
  for (const address of addresses) {
    readable[address] = { bytes: { length: 9 * MEGABYTE } };
    push({ address });
  }
  await pass(60);
  const sizes = sent.map(({ pictures }) =>
    pictures.reduce((sum, { candidates: [{ bytes }] }) => sum + bytes.length, 0));
  assert.ok(Math.max(...sizes) <= 32 * MEGABYTE, String(sizes));
  assert.deepEqual(answered, addresses);
});

test("a picture that is over the limit by itself is sent alone", async () => {
  const { push, answered } = queue();
  for (const [name, size] of [["a", 1], ["b", 40], ["c", 1]]) {
    readable[`https://x.example/${name}`] = { bytes: { length: size * MEGABYTE } };
    push({ address: `https://x.example/${name}` });
  }
  await pass(60);
  assert.deepEqual(sent.map(({ pictures }) => pictures.length), [1, 1, 1]);
  assert.equal(answered.length, 3);
});
