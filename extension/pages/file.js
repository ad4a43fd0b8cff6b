/** A file that is dropped, pasted or chosen here is checked here. */

import { MAX_PICTURE_BYTES, toBase64 } from "../lib/bytes.js";
import { ask, word } from "./words.js";

const $ = (id) => document.getElementById(id);

/** Take files from now on. */
export function takeFiles() {
  const shadow = $("card").attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${globalThis.brushmark.styles.CARD} .body { padding: 0; font: 400 14px/1.45
    system-ui, sans-serif; color: var(--ink); }`);
  shadow.adoptedStyleSheets = [sheet];
  $("file").addEventListener("change", ({ target }) => take(target.files[0]));
  addEventListener("paste", ({ clipboardData }) => take(clipboardData?.files[0]));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
  addEventListener("dragleave", () => $("drop").classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser would open the file in our place
    $("drop").classList.remove("over");
    take(event.dataTransfer.files[0], { dropped: true });
  });
}

let latest = 0;

async function take(file, { dropped = false } = {}) {
  if (!file && !dropped) return;
  const { parts } = globalThis.brushmark;
  const number = ++latest;
  const show = (...content) => number === latest && render(content);
  showPreview(file);
  $("verdict").hidden = false;
  show(...parts.busy());
  try {
    if (!file) throw { reason: "no_file", host: "", actions: [] };
    if (file.size > MAX_PICTURE_BYTES) throw { reason: "too_large", host: "", actions: [] };
    const bytes = toBase64(new Uint8Array(await file.arrayBuffer()));
    const incognito = (await chrome.windows?.getCurrent?.())?.incognito === true;
    const { view } = await ask("file.check", { bytes, incognito });
    show(...parts.verdict(view, (name, button) => pressed(view, name, button)));
  } catch (problem) {
    const known = problem?.reason ? problem : { reason: "server", detail: String(problem) };
    const options = (name) => name === "options";
    show(...parts.problem({ host: "", detail: "", actions: [], ...known },
      () => chrome.runtime.openOptionsPage(), options));
  }
}

function render(content) {
  const body = document.createElement("div");
  body.className = "body";
  body.setAttribute("aria-live", "polite");
  body.dir = globalThis.brushmark.words.direction();
  body.append(...content);
  $("card").shadowRoot.replaceChildren(body);
}

function showPreview(file) {
  $("heat").hidden = true;
  if ($("picture").src) URL.revokeObjectURL($("picture").src);
  $("preview").hidden = !file;
  if (file) $("picture").src = URL.createObjectURL(file);
  $("picture").onerror = () => ($("preview").hidden = true);
}

function pressed({ record, logged }, name, button) {
  return saying(() => PRESSES[name](record, button, logged));
}

/** Do something; what goes wrong is said in words. */
async function saying(act) {
  try {
    await act();
  } catch (problem) {
    note(word(`problem_${problem?.reason ?? "server"}_title`, problem?.host ?? ""));
  }
}

const PRESSES = {
  dashboard: ({ id }) => ask("file.dashboard", { id }),
  heatmap: async ({ id, heatmap }, button, logged) => {
    const shown = $("heat").hidden;
    if (shown) {
      const png = logged ? (await ask("file.heatmap", { id })).png : heatmap.split(",")[1];
      $("heat").src = `data:image/png;base64,${png}`;
    }
    $("heat").hidden = !shown;
    button.setAttribute("aria-pressed", String(shown));
  },
  disagree: (record, button) => {
    const body = $("card").shadowRoot.querySelector(".body");
    const known = body.querySelector("form");
    button.setAttribute("aria-expanded", String(!known));
    if (known) return known.remove();
    const form = globalThis.brushmark.parts.disagreement(record, {
      cancel: () => form.remove(),
      submit: (claim, reason) => saying(async () => {
        await ask("file.appeal", { id: record.id, claim, reason });
        form.remove();
        note(word("appealSent"));
      }),
    });
    button.parentElement.after(form);
  },
};

function note(text) {
  const body = $("card").shadowRoot.querySelector(".body");
  body.querySelector(".note")?.remove();
  const said = document.createElement("p");
  said.className = "review note";
  said.setAttribute("role", "status");
  said.textContent = text;
  body.append(said);
}
