/** Ask for the permission to read pictures from one host: only a page of ours may ask for it. */

import { ask, putWords, showProblem, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const ticket = new URLSearchParams(location.search).get("ticket");

putWords();
$("leave").addEventListener("click", () => window.close());
try {
  const { host } = await ask("host.describe", { ticket });
  putQuestion(host);
} catch (problem) {
  showProblem($("news"), problem);
}

function putQuestion(host) {
  $("title").textContent = word("allowTitle", host);
  $("advice").textContent = word("allowAdvice", host);
  $("go").textContent = word("action_allowHost", host);
  $("go").addEventListener("click", () => allow(host));
  $("go").hidden = false;
  $("go").focus();
}

async function allow(host) {
  const origins = [`https://${host}/*`, `http://${host}/*`];
  if (!(await chrome.permissions.request({ origins }))) return;
  try {
    await ask("host.allowed", { ticket });
    window.close();
  } catch (problem) {
    showProblem($("news"), problem);
  }
}
