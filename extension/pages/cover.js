/** How pictures of a scanned page are marked: one form, in the popup and among the settings. */

import { COVERABLE, COVERS } from "../lib/settings.js";
import { ask, word } from "./words.js";

/** Build the form into a box and keep what is chosen. */
export function buildCover(box, settings) {
  const select = document.createElement("select");
  for (const value of COVERS) select.append(new Option(word(`cover_${value}`), value));
  select.value = settings.cover;
  const ticks = COVERABLE.map((value) => tick(value, settings.coverOutcomes.includes(value)));
  const set = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = word("coverWhich");
  set.append(legend, ...ticks);
  const label = document.createElement("label");
  label.className = "field";
  label.append(word("coverHow"), select);
  const form = document.createElement("div");
  form.className = "cover";
  form.append(label, set);
  box.replaceChildren(form);
  const showSet = () => (set.hidden = select.value === "none");
  showSet();
  form.addEventListener("change", async () => {
    showSet();
    const coverOutcomes = COVERABLE.filter((_, i) => ticks[i].querySelector("input").checked);
    await ask("settings.write", { changes: { cover: select.value, coverOutcomes } });
  });
}

function tick(value, checked) {
  const label = document.createElement("label");
  label.className = "choice";
  const input = document.createElement("input");
  input.type = "checkbox";
  input.checked = checked;
  input.value = value;
  label.append(input, word(`outcome_${value}`));
  return label;
}
