/** The “what is sent” view: the last requests, as they went out. */

import { ask, word } from "./words.js";

/** Fill the table with what was sent since the browser started. */
export async function showSent() {
  const { sent } = await ask("sent.list");
  const table = document.getElementById("sent");
  table.hidden = sent.length === 0;
  document.getElementById("nothing-sent").hidden = sent.length > 0;
  table.tBodies[0].replaceChildren(...sent.map(row));
}

function row({ at, to, route, bytes, pictures, told }) {
  const line = document.createElement("tr");
  const what = [
    route,
    bytes > 0 ? word("sentBytes", pictures, bytes.toLocaleString()) : "",
    ...Object.entries(told).filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => `${name}: ${value}`),
  ];
  line.append(
    cell(new Date(at).toLocaleTimeString()),
    cell(to),
    cell(what.filter(Boolean).join(" · ")),
  );
  return line;
}

function cell(text) {
  const made = document.createElement("td");
  made.textContent = text;
  return made;
}
