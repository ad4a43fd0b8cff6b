/**
 * The service worker. Every listener is registered here, synchronously, because the browser ends
 * the worker when it idles and starts it anew for the next event; what has to outlive it lies in
 * storage. It is the only part that fetches.
 */

import { beginAt, beginPick } from "./background/asking.js";
import { messages } from "./background/messages.js";
import { createMenus, hintsOf } from "./background/menus.js";
import { protectStorage } from "./background/stores.js";
import { forgetReports } from "./background/reports.js";
import { applySites, permissionsAdded, permissionsRemoved } from "./background/sites.js";
import { forgetTab } from "./background/tickets.js";
import { dispatcher } from "./lib/messages.js";
import { plainProblem } from "./lib/problems.js";

const us = { id: chrome.runtime.id, root: chrome.runtime.getURL("") };

protectStorage();

chrome.runtime.onInstalled.addListener(({ reason }) => {
  createMenus();
  applySites(); // an update forgets where our script belongs
  if (reason === "install") chrome.runtime.openOptionsPage();
});

chrome.runtime.onMessage.addListener(dispatcher(messages, us, plainProblem));

chrome.contextMenus.onClicked.addListener((info, tab) => {
  if (tab?.id >= 0) beginAt(tab, info.frameId ?? 0, hintsOf(info));
});

chrome.commands.onCommand.addListener((command, tab) => {
  if (command === "pick-picture" && tab) beginPick(tab);
});

chrome.tabs.onRemoved.addListener((tabId) => {
  forgetTab(tabId);
  forgetReports(tabId);
});

chrome.permissions.onAdded.addListener(() => {
  permissionsAdded();
});

chrome.permissions.onRemoved.addListener(() => {
  permissionsRemoved();
});
