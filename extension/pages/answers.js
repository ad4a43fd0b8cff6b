/** What curators answered to the user's appeals. */

import { ask, word } from "./words.js";

/** Show the answers that were not seen yet. An older backend has none to give. */
export async function showAnswers(box) {
  const { answers } = await ask("appeals.answers").catch(() => ({ answers: [] }));
  box.hidden = answers.length === 0;
  box.className = "message";
  box.replaceChildren(...answers.map((answer) => line(answer, box)));
}

function line({ id, record, label, at }, box) {
  const { day } = globalThis.brushmark.words;
  const made = document.createElement("p");
  made.className = "answer";
  const words = document.createElement("span");
  words.textContent = word(`answered_${label}`, day(at));
  made.append(words, button("button_dashboard", () => ask("file.dashboard", { id: record })),
    button("close", async () => {
      await ask("appeals.seen", { id });
      await showAnswers(box);
    }));
  return made;
}

function button(key, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = word(key);
  made.addEventListener("click", () => act().catch(() => {}));
  return made;
}
