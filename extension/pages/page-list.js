/** What was found on the page in the tab: counts, a list, and what could not be read. */

import { patternsOf } from "../lib/sites.js";
import { OUTCOMES, foundIn, weightiestFirst } from "../lib/verdicts.js";
import { allow } from "./site.js";
import { ask, showProblem, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const SIGNS = { ai_generated: "AI", uncertain: "?", human_made: "✎", not_assessed: "–" };
const MOST_SHOWN = 100;

/** Show the page of a tab. */
export async function showPage(tab, site) {
  $("page").hidden = !tab || !site.scanned;
  if (!tab || !site.scanned) return;
  const { frames } = await ask("scan.page", { tabId: tab.id });
  const items = Object.entries(frames).flatMap(([frameId, frame]) =>
    frame.items.map((item) => ({ ...item, frameId: Number(frameId) })));
  const counted = countedIn(Object.values(frames));
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  showCounts(counted);
  showNote(total, Object.values(frames));
  showClosed(Object.values(frames), site);
  showList(items, total, tab);
}

// The list of a frame may be cut; its counts are not.
const countedIn = (frames) => OUTCOMES.map((outcome) =>
  [outcome, frames.reduce((sum, { counts }) => sum + counts[outcome], 0)]);

function showCounts(counted) {
  $("counts").replaceChildren(...counted.filter(([, count]) => count > 0).map(([outcome, count]) => {
    const line = document.createElement("li");
    const number = document.createElement("b");
    number.textContent = count.toLocaleString();
    line.append(number, ` ${word(`outcome_${outcome}`)}`);
    return line;
  }));
}

function showNote(total, frames) {
  const problem = frames.map((frame) => frame.problem).find(Boolean);
  const sum = (name) => frames.reduce((all, frame) => all + (frame[name] ?? 0), 0);
  const [left, failed] = [sum("left"), sum("failed")];
  $("page-note").replaceChildren();
  if (problem) return showProblem($("page-note"), problem);
  $("page-note").className = "faint";
  $("page-note").textContent = [
    left > 0 ? word("pageLeft", left) : "",
    failed > 0 ? word("pageFailed", failed) : "",
    left + failed + total === 0 ? word("pageNothing") : "",
  ].filter(Boolean).join(" ");
}

function showClosed(frames, site) {
  const closed = new Map();
  for (const [host, count] of frames.flatMap((frame) => Object.entries(frame.closed))) {
    closed.set(host, (closed.get(host) ?? 0) + count);
  }
  $("closed").replaceChildren(...[...closed].map(([host, count]) => {
    const line = document.createElement("p");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word("action_allowHost", host);
    button.addEventListener("click", () => allow({ site: site.site, pictures: host }, patternsOf(host))
      .catch((problem) => showProblem($("news"), problem)));
    line.append(word("pageClosed", count, host), button);
    return line;
  }));
}

function showList(items, total, tab) {
  const shown = weightiestFirst(items).slice(0, MOST_SHOWN);
  $("pictures").replaceChildren(...shown.map((item) => row(item, tab)));
  $("more").hidden = total <= shown.length;
  $("more").textContent = word("pageMore", total - shown.length);
}

function row(item, tab) {
  const line = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const name = item.name || word("pageUnnamed");
  const said = globalThis.brushmark.words.linesOf(item).join(". ");
  button.title = `${said}. ${word("pagePoint")}`;
  button.append(part("dot", SIGNS[foundIn(item)], foundIn(item)), part("name", name), part("how", howOf(item)));
  button.setAttribute("aria-label", `${name}: ${said}`);
  button.addEventListener("click", () =>
    ask("scan.point", { tabId: tab.id, frameId: item.frameId, id: item.id }).catch(() => {}));
  line.append(button);
  return line;
}

function howOf({ review, similar, conflict, ai }) {
  const { percent } = globalThis.brushmark.words;
  if (review) return `✓ ${word("reviewedShort")}`;
  const chance = ai === null ? "" : word("probabilityAi", percent(ai));
  return [chance, conflict ? "!" : "", similar ? "≈" : ""].filter(Boolean).join(" ");
}

function part(name, text, more = "") {
  const made = document.createElement("span");
  made.className = `${name} ${more}`.trim();
  made.textContent = text;
  return made;
}
