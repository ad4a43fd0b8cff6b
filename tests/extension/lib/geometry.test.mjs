import assert from "node:assert/strict";
import { test } from "node:test";

import "../../../extension/content/geometry.js";

const { placeCard, drawnBox } = globalThis.brushmark.geometry;
const VIEW = { width: 1000, height: 800 };
const CARD = { width: 300, height: 400 };
const box = (left, top, width, height) =>
  ({ left, top, width, height, right: left + width, bottom: top + height });

test("a card goes beside its picture, on the side where reading goes on", () => {
  assert.equal(placeCard(box(400, 100, 200, 200), CARD, VIEW, "ltr").left, 612);
  assert.equal(placeCard(box(400, 100, 200, 200), CARD, VIEW, "rtl").left, 88);
});

test("where one side has no room the other is taken, and else it lies over the picture", () => {
  assert.equal(placeCard(box(700, 100, 250, 200), CARD, VIEW, "ltr").left, 388);
  assert.equal(placeCard(box(0, 0, 1000, 800), CARD, VIEW, "ltr").left, 688);
});

test("a card never leaves the view, wherever its picture is", () => {
  for (const near of [box(-900, -900, 10, 10), box(5000, 5000, 10, 10), box(0, 790, 900, 10), null]) {
    const { left, top } = placeCard(near, CARD, VIEW, "ltr");
    assert.ok(left >= 8 && left + CARD.width <= VIEW.width - 8);
    assert.ok(top >= 8 && top + CARD.height <= VIEW.height - 8);
  }
});

test("a heat map lies where object-fit draws the picture", () => {
  const frame = { left: 0, top: 0, width: 200, height: 100 };
  const square = { width: 50, height: 50 };
  assert.deepEqual(drawnBox(frame, square, "fill", "50% 50%"), frame);
  assert.deepEqual(drawnBox(frame, square, "contain", "50% 50%"), { left: 50, top: 0, width: 100, height: 100 });
  assert.deepEqual(drawnBox(frame, square, "cover", "50% 0%"), { left: 0, top: 0, width: 200, height: 200 });
  assert.deepEqual(drawnBox(frame, square, "none", "10px 20px"), { left: 10, top: 20, width: 50, height: 50 });
  assert.deepEqual(drawnBox(frame, square, "scale-down", "100% 100%"), { left: 150, top: 50, width: 50, height: 50 });
});
