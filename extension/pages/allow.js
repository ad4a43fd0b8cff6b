/** Ask for the permission to read pictures from one host: only a page of ours may ask for it. */

import { ask, putWords, showProblem, word } from "./words.js";

const query = new URLSearchParams(location.search);
const host = query.get("host") ?? "";

putWords();
document.getElementById("title").textContent = word("allowTitle", host);
document.getElementById("advice").textContent = word("allowAdvice", host);
const go = document.getElementById("go");
go.textContent = word("action_allowHost", host);
go.addEventListener("click", allow);
document.getElementById("leave").addEventListener("click", () => window.close());
go.focus();

async function allow() {
  const origins = [`https://${host}/*`, `http://${host}/*`];
  if (!(await chrome.permissions.request({ origins }))) return;
  try {
    await ask("host.allowed", { ticket: query.get("ticket") });
    window.close();
  } catch (problem) {
    showProblem(document.getElementById("news"), problem);
  }
}
