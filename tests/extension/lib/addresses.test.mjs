import assert from "node:assert/strict";
import { test } from "node:test";

import {
  backendBase, dashboardBase, hostPattern, isLocal, isPrivate, reverseSearches, webAddress,
} from "../../../extension/lib/addresses.js";

test("an address is read as people type it, and reduced to its origin", () => {
  assert.equal(backendBase(" 127.0.0.1:8765 "), "http://127.0.0.1:8765");
  assert.equal(backendBase("localhost:9000/api/v1"), "http://localhost:9000");
  assert.equal(backendBase("http://[::1]:8765/"), "http://[::1]:8765");
  assert.equal(backendBase("brushmark.example.org"), "https://brushmark.example.org");
  assert.equal(backendBase("https://b.example.org:8443/x?y#z"), "https://b.example.org:8443");
});

test("http is refused away from this machine, however the name pretends", () => {
  for (const typed of ["http://b.example.org", "http://127.0.0.1.evil.example", "http://10.0.0.7"]) {
    assert.throws(() => backendBase(typed), { message: "address_not_https" });
  }
});

test("what is no address is refused", () => {
  for (const typed of ["", "   ", "https://", "ftp://x.example", "javascript:alert(1)",
    "https://user:secret@x.example", "http://a b"]) {
    assert.throws(() => backendBase(typed), { message: "address_unreadable" }, typed);
  }
});

test("only loopback names are local", () => {
  assert.ok(isLocal("http://127.0.0.1:8765"));
  assert.ok(isLocal("http://localhost"));
  assert.ok(!isLocal("https://localhost.evil.example"));
  assert.ok(!isLocal("nothing"));
});

test("addresses of this machine's network are told by their names", () => {
  for (const host of [
    "127.0.0.1", "127.0.0.2", "0.0.0.0", "0x7f.1", "2130706433", "10.1.2.3", "172.16.0.1", "172.31.9.9",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "[::1]", "[::]", "[fd00::1]", "[fe80::1]",
    "[::ffff:10.0.0.1]", "localhost", "a.localhost", "nas", "printer.local", "box.lan", "LOCALHOST.",
  ]) {
    assert.ok(isPrivate(`http://${host}/a.jpg`), host);
  }
  for (const host of [
    "gallery.example", "8.8.8.8", "172.32.0.1", "172.15.0.1", "192.169.0.1", "100.128.0.1", "100.63.0.1",
    "10.example.org", "127.0.0.1.example.org", "local.example", "[2606:4700::1111]", "fd00.example",
  ]) {
    assert.ok(!isPrivate(`http://${host}/a.jpg`), host);
  }
  assert.ok(!isPrivate("nothing"));
  assert.ok(!isPrivate("file:///a.jpg"));
});

test("the local dashboard has a port of its own, a team's shares the address", () => {
  assert.equal(dashboardBase("http://127.0.0.1:8765"), "http://127.0.0.1:8501");
  assert.equal(dashboardBase("http://127.0.0.1:8765", 9501), "http://127.0.0.1:9501");
  assert.equal(dashboardBase("http://127.0.0.1:8765", "9501"), "http://127.0.0.1:8501");
  assert.equal(dashboardBase("https://b.example.org", 9501), "https://b.example.org");
  assert.equal(dashboardBase("https://b.example.org"), "https://b.example.org");
});

test("host patterns name no port; other schemes have none", () => {
  assert.equal(hostPattern("https://cdn.example:8443/a.jpg"), "https://cdn.example/*");
  assert.equal(hostPattern("blob:https://x.example/1"), null);
  assert.equal(hostPattern("data:image/png;base64,AA"), null);
});

test("addresses lose fragment and credentials; data: and blob: are never told", () => {
  assert.equal(webAddress("https://u:p@x.example/a?b=1#c"), "https://x.example/a?b=1");
  assert.equal(webAddress("data:text/plain,x"), null);
  assert.equal(webAddress("blob:https://x.example/1"), null);
  assert.equal(webAddress(undefined), null);
});

test("reverse searches are offered for public addresses alone, and quote them", () => {
  assert.deepEqual(reverseSearches("http://127.0.0.1/a.jpg"), []);
  assert.deepEqual(reverseSearches("http://intranet/a.jpg"), []);
  assert.deepEqual(reverseSearches("data:image/png;base64,AA"), []);
  const [first] = reverseSearches("https://x.example/a.jpg?b=1&c=2");
  assert.equal(new URL(first.url).searchParams.get("url"), "https://x.example/a.jpg?b=1&c=2");
});
