/** Say what went wrong where no card can be shown: on the browser's own pages. */

import { REASONS } from "../lib/problems.js";
import { putWords, word } from "./words.js";

const asked = new URLSearchParams(location.search).get("reason");
const reason = Object.hasOwn(REASONS, asked ?? "") ? asked : "page_forbidden";

putWords();
document.getElementById("title").textContent = word(`problem_${reason}_title`);
document.getElementById("advice").textContent = word(`problem_${reason}_advice`);
const go = document.getElementById("go");
go.textContent = word("action_options");
go.hidden = !REASONS[reason].includes("options");
go.addEventListener("click", () => chrome.runtime.openOptionsPage());
document.getElementById("leave").addEventListener("click", () => window.close());
