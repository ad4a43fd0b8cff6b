/** Words on our own pages: elements say in `data-word` which message they show. */

export const word = (key, ...values) => chrome.i18n.getMessage(key, values.map(String));

/** Put words into a document, and tell it its language and direction. */
export function putWords(root = document) {
  root.documentElement.lang = chrome.i18n.getUILanguage();
  root.documentElement.dir = word("@@bidi_dir") || "ltr";
  for (const element of root.querySelectorAll("[data-word]")) {
    element.textContent = word(element.dataset.word);
  }
  for (const element of root.querySelectorAll("[data-placeholder]")) {
    element.placeholder = word(element.dataset.placeholder);
  }
}

/** Ask the worker. @throws the problem it answers with, as a plain object. */
export async function ask(type, message = {}) {
  const answer = await chrome.runtime.sendMessage({ type, ...message }).catch(() => null);
  if (!answer) throw { reason: "stopped", detail: "", host: "", actions: [] };
  if (answer.problem) throw answer.problem;
  return answer;
}

/** Write a problem into an element: what happened, what to do, what the backend said. */
export function showProblem(box, { reason, detail, host, retryAfterS }) {
  box.replaceChildren(
    paragraph(word(`problem_${reason}_title`, host ?? ""), "strong"),
    paragraph(word(`problem_${reason}_advice`, host ?? "")),
    ...(detail ? [paragraph(detail, "span")] : []),
    ...(retryAfterS ? [paragraph(word("retryAfter", retryAfterS))] : []),
  );
  box.className = "message bad";
  box.hidden = false;
}

/** Write good news into an element. */
export function showNews(box, text) {
  box.replaceChildren(paragraph(text));
  box.className = "message";
  box.hidden = false;
}

function paragraph(text, name = "span") {
  const inner = document.createElement(name);
  inner.textContent = text;
  const outer = document.createElement("p");
  outer.append(inner);
  return outer;
}
