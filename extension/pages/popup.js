/**
 * The popup, the side panel and the small window: one page. No web page can draw on it, so it is the
 * view to trust.
 */

import { buildCover } from "./cover.js";
import { showAnswers } from "./answers.js";
import { takeFiles } from "./file.js";
import { showPage } from "./page-list.js";
import { showSite, watchSwitches } from "./site.js";
import { ask, putWords, showProblem, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const inPanel = query.has("panel");

putWords();
document.body.classList.toggle("panel", inPanel);

/** Return the tab that this page is about. */
async function currentTab() {
  if (query.has("tab")) return chrome.tabs.get(Number(query.get("tab")));
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  return tab ?? null;
}

async function show() {
  const tab = await currentTab();
  const site = await ask("site.describe", { address: tab?.url ?? null, incognito: tab?.incognito });
  showSite(site, { inPanel });
  await showPage(tab, site);
}

let showing = Promise.resolve();

function showSoon() {
  showing = showing.then(show).catch((problem) => showProblem($("news"), problem));
}

async function showConnection() {
  const { paired } = await ask("backend.describe");
  if (!paired) return showProblem($("news"), { reason: "not_configured", host: "" });
  try {
    await ask("backend.test");
  } catch (problem) {
    showProblem($("news"), problem);
  }
}

// Chromium has the one, Firefox the other, some browsers neither.
const { sidePanel } = chrome;
const { sidebarAction } = globalThis.browser ?? {};

async function openAside() {
  // Nothing may be awaited before this: browsers open it only within the click.
  await (sidePanel ? sidePanel.open({ windowId: windowHere }) : sidebarAction.open());
  if (!inPanel) window.close();
}

let windowHere = null;

async function prepareWays() {
  windowHere = (await chrome.windows?.getCurrent?.())?.id ?? null;
  $("aside").hidden = inPanel || !(sidePanel?.open || sidebarAction?.open);
  $("aside").addEventListener("click", openAside);
  $("pick").hidden = inPanel; // the browser lets us into a page where our button was pressed
  $("pick").addEventListener("click", async () => {
    const tab = await currentTab();
    if (tab) await ask("pick.begin", { tabId: tab.id });
    window.close();
  });
  $("settings").title = word("settingsButton");
  $("settings").setAttribute("aria-label", word("settingsButton"));
  $("settings").addEventListener("click", () => chrome.runtime.openOptionsPage());
}

watchSwitches({ currentTab, news: $("news"), changed: showSoon });
takeFiles();
await prepareWays();
chrome.storage.onChanged.addListener((changes) => {
  const shown = (name) => name === "scanning" || name === "settings" || name.startsWith("page:");
  if (Object.keys(changes).some(shown)) showSoon();
});
chrome.tabs.onActivated.addListener(showSoon);
chrome.tabs.onUpdated.addListener((_, { status, url }) => (status || url) && showSoon());
showSoon();
buildCover($("cover"), await ask("settings.read"));
await showing;
document.body.dataset.ready = "";
await showConnection();
await showAnswers($("answers"));
