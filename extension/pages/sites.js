/** Where scanning is switched on, with a way to switch it off. */

import { ask, word } from "./words.js";

/** Fill the list. */
export async function showSites() {
  const { everywhere, sites } = await ask("site.describe", { address: null });
  const lines = Object.keys(sites).sort().map((host) => line(host, { site: host }));
  if (everywhere) lines.unshift(line(word("onAllSites"), { site: null }));
  document.getElementById("sites").replaceChildren(...lines);
  document.getElementById("no-sites").hidden = lines.length > 0;
}

function line(name, what) {
  const made = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = word("switchOff");
  button.setAttribute("aria-label", `${word("switchOff")}: ${name}`);
  button.addEventListener("click", () => ask("site.off", what));
  made.append(name, button);
  return made;
}
