/** The options page: pairing, privacy, what was sent. */

import { backendBase, hostPattern } from "../lib/addresses.js";
import { buildCover } from "./cover.js";
import { showSites } from "./sites.js";
import { showSent } from "./sent.js";
import { ask, putWords, showNews, showProblem, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const news = $("news");

/** Run an action with its button held; what goes wrong is said in words. */
function doing(button, action) {
  return async (event) => {
    event?.preventDefault();
    button.disabled = true;
    news.hidden = true;
    try {
      await action();
    } catch (problem) {
      showProblem(news, problem.reason ? problem : { reason: "server", detail: String(problem) });
    } finally {
      button.disabled = false;
    }
  };
}

function showPairing({ base, paired, client, local }) {
  $("base").value = base;
  $("pairing").hidden = paired;
  $("paired").hidden = !paired;
  $("elsewhere").open = !local;
  const status = $("status");
  status.className = paired ? "status good" : "status";
  status.textContent = paired ? word("pairedWith", base) : word("notPaired");
  $("facts").textContent = paired ? word("pairedAs", client) : "";
}

async function find() {
  const found = await ask("backend.find", { base: $("base").value });
  // Firefox asks before we may look, and only at a press of a button: nothing is wrong yet.
  if (found.problem?.reason === "backend_permission") return;
  if (found.problem) return showProblem(news, found.problem);
  $("base").value = found.base;
  showNews(news, word("foundBackend", found.version, found.base));
  $("code").focus();
}

async function findByHand() {
  await requireHost($("base").value);
  await find();
}

async function pair() {
  const typed = $("base").value;
  await requireHost(typed);
  const name = word("clientName", browserName());
  showPairing(await ask("backend.pair", { base: typed, code: $("code").value, name }));
  $("code").value = "";
  await test();
}

// Must come first in the handler of the click: browsers grant permissions only then. Firefox asks for
// hosts of this machine, too; Chromium gave those when it installed us.
async function requireHost(typed) {
  let base;
  try {
    base = backendBase(typed);
  } catch (error) {
    throw { reason: error.message, detail: "", host: "" };
  }
  const granted = await chrome.permissions.request({ origins: [hostPattern(base)] });
  if (!granted) throw { reason: "backend_permission", detail: "", host: new URL(base).hostname };
}

async function test() {
  const { version, model, policy, elapsedMs } = await ask("backend.test");
  $("status").className = "status good";
  showNews(news, word("testGood", version, model, policy, elapsedMs));
}

async function failingTest() {
  try {
    await test();
  } catch (problem) {
    $("status").className = "status bad";
    if (problem.reason === "unpaired") $("pairing").hidden = false; // pairing again needs no unpairing
    throw problem;
  }
}

async function unpair() {
  showPairing(await ask("backend.unpair"));
  showNews(news, word("unpaired"));
}

const browserName = () => (navigator.userAgent.includes("Firefox/") ? "Firefox" : "Chromium");

async function showSettings() {
  const settings = await ask("settings.read");
  const { sendAddresses } = settings;
  buildCover($("cover"), settings);
  $("scan-private").checked = settings.scanPrivate;
  const radio = document.querySelector(`input[name=sendAddresses][value=${sendAddresses}]`);
  radio.checked = true;
}

async function keepAddresses({ target }) {
  // Firefox asks its own question before addresses may leave the browser.
  if (target.value !== "never" && chrome.runtime.getURL("").startsWith("moz-extension:")) {
    const asked = { data_collection: ["browsingActivity"] };
    const granted = await chrome.permissions.request(asked).catch(() => true);
    if (!granted) return showSettings();
  }
  await ask("settings.write", { changes: { sendAddresses: target.value } });
}

async function showShortcut() {
  const command = (await chrome.commands.getAll()).find(({ name }) => name === "pick-picture");
  $("shortcut").textContent = command?.shortcut
    ? word("shortcutIs", command.shortcut)
    : word("shortcutNone");
}

putWords();
$("pairing").addEventListener("submit", doing($("pair"), pair));
$("find").addEventListener("click", doing($("find"), findByHand));
$("test").addEventListener("click", doing($("test"), failingTest));
$("unpair").addEventListener("click", doing($("unpair"), unpair));
$("addresses").addEventListener("change", keepAddresses);
$("refresh-sent").addEventListener("click", showSent);
$("clear-sent").addEventListener("click", async () => {
  await ask("sent.clear");
  await showSent();
});
const described = await ask("backend.describe");
showPairing(described);
$("scan-private").addEventListener("change", ({ target }) =>
  ask("settings.write", { changes: { scanPrivate: target.checked } }));
chrome.storage.onChanged.addListener((changes) => changes.scanning && showSites());
await Promise.all([showSites(), showSettings(), showSent(), showShortcut()]);
await doing(described.paired ? $("test") : $("find"), described.paired ? failingTest : find)();
document.body.dataset.ready = "";
