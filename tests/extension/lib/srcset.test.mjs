import assert from "node:assert/strict";
import { test } from "node:test";

import "../../../extension/content/srcset.js";

const { parse, largestFirst } = globalThis.brushmark.srcset;
const urls = (text) => largestFirst(parse(text)).map(({ url }) => url);

test("the largest candidate comes first, by width or by density", () => {
  assert.deepEqual(urls("s.jpg 480w, l.jpg 1920w, m.jpg 960w"), ["l.jpg", "m.jpg", "s.jpg"]);
  assert.deepEqual(urls("a.jpg, b.jpg 2x, c.jpg 1.5x"), ["b.jpg", "c.jpg", "a.jpg"]);
});

test("addresses may hold commas; descriptors may stand close", () => {
  assert.deepEqual(parse("https://x/w_200,h_100/a.jpg 200w,b.jpg 300w"), [
    { url: "https://x/w_200,h_100/a.jpg", width: 200, density: null },
    { url: "b.jpg", width: 300, density: null },
  ]);
  assert.deepEqual(urls("data:image/png;base64,AA== 1x, b.png 2x"), ["b.png", "data:image/png;base64,AA=="]);
  assert.deepEqual(urls("a.jpg,b.jpg 2x"), ["a.jpg,b.jpg"]);
  assert.deepEqual(urls("a.jpg, b.jpg"), ["a.jpg", "b.jpg"]);
});

test("what cannot be read is left out, and nothing hangs", () => {
  assert.deepEqual(parse(""), []);
  assert.deepEqual(parse(" , ,, "), []);
  assert.deepEqual(urls("a.jpg 0w, b.jpg wide, c.jpg 100w 50h"), ["c.jpg"]);
  assert.deepEqual(urls("a.jpg (weird, stuff) 1x, b.jpg 2x"), ["b.jpg"]);
  assert.deepEqual(urls("a.jpg (never closed"), []);
});

test("an address stands once", () => {
  assert.deepEqual(urls("a.jpg 100w, a.jpg 200w"), ["a.jpg"]);
});
