import assert from "node:assert/strict";
import { test } from "node:test";

import {
  decodeDataAddress, fromBase64, pictureType, sha256, toBase64,
} from "../../../extension/lib/bytes.js";

const text = (bytes) => Buffer.from(bytes).toString("latin1");

test("bytes survive the way through base64, also more than one chunk of them", () => {
  const bytes = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) & 0xff);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  assert.equal(toBase64(new Uint8Array()), "");
});

test("data: addresses are decoded with and without base64", () => {
  assert.deepEqual(decodeDataAddress("data:image/png;base64,iVBORw=="), {
    type: "image/png",
    bytes: Uint8Array.of(0x89, 0x50, 0x4e, 0x47),
  });
  assert.equal(text(decodeDataAddress("data:image/gif;charset=x;base64,R0lG%20OA%3D%3D").bytes), "GIF8");
  assert.deepEqual(decodeDataAddress("data:,%ff%00a").bytes, Uint8Array.of(0xff, 0, 0x61));
  assert.equal(decodeDataAddress("data:,x").type, "text/plain");
});

test("what is no data: address gives null and never throws", () => {
  assert.equal(decodeDataAddress("https://x.example/"), null);
  assert.equal(decodeDataAddress("data:image/png;base64"), null);
  assert.equal(decodeDataAddress("data:image/png;base64,@@@"), null);
});

test("formats are told by their first bytes", () => {
  const kind = (head) => pictureType(Buffer.from(head, "latin1"));
  assert.equal(kind("\xff\xd8\xff\xe0"), "image/jpeg");
  assert.equal(kind("\x89PNG\r\n"), "image/png");
  assert.equal(kind("GIF89a"), "image/gif");
  assert.equal(kind("RIFF\0\0\0\0WEBPVP8 "), "image/webp");
  assert.equal(kind("\0\0\0\x1cftypavif\0\0\0\0"), "image/avif");
  assert.equal(kind('<?xml version="1.0"?>\n<svg xmlns="x">'), "image/svg+xml");
  assert.equal(kind("<!doctype html><p>"), null);
  assert.equal(kind(""), null);
});

test("hashes are those that the backend computes", async () => {
  const known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(await sha256(new TextEncoder().encode("abc")), known);
});
