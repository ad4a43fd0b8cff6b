/** The parts of a card: pure functions from what is known to elements. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { element } = ours.elements;
  const { word, percent, day, locale } = ours.words;

  /** Show that a check is under way. */
  function busy() {
    return [
      element("p", { class: "busy", role: "status" },
        element("span", { class: "spinner", "aria-hidden": "true" }), word("cardBusy")),
    ];
  }

  /** Show a verdict. `press` hears which button was pressed. */
  function verdict(view, press) {
    const { record } = view;
    return [
      review(record.review),
      element("h2", { class: record.outcome, id: "outcome" }, word(`outcome_${record.outcome}`)),
      copied(view.how),
      probabilities(record.probabilities),
      element("p", {}, record.summary),
      conflict(record.conflict),
      likeness(record),
      evidence(record.evidence, view.how),
      element("p", { class: "faint" }, facts(view)),
      caution(view),
      buttons(view, press),
      searches(view),
    ].filter(Boolean);
  }

  function review(latest) {
    if (!latest) return null;
    const words = word(`reviewed_${latest.label}`, day(latest.created_at));
    return element("p", { class: "review" }, words);
  }

  // Said at once and not among the facts: such a copy is judged less well than the file.
  function copied(how) {
    return how === "screen" ? element("p", { class: "conflict" }, word("how_screen")) : null;
  }

  function probabilities(both) {
    if (!both) return null;
    const ai = word("probabilityAi", percent(both.ai_generated));
    const human = word("probabilityHuman", percent(both.human_made));
    const part = element("span", { class: "ai" });
    part.style.inlineSize = `${both.ai_generated * 100}%`;
    return element("div", {},
      element("div", { class: "split", "aria-hidden": "true" },
        element("span", { class: "ai" }, ai), element("span", { class: "human" }, human)),
      element("div", { class: "bar", role: "img", "aria-label": `${ai}, ${human}` },
        part, element("span", { class: "human" })));
  }

  function conflict(disagree) {
    if (!disagree) return null;
    return element("p", { class: "conflict" },
      element("b", {}, word("conflictTitle")), " ", word("conflictAdvice"));
  }

  // A hint beside the verdict, never in its place: likeness is not identity.
  function likeness({ review: own, similar_review: similar }) {
    if (own || !similar) return null;
    return element("p", { class: "hint" }, word(`similar_${similar.label}`, day(similar.reviewed_at)));
  }

  // What was drawn anew by the browser carries nothing of the file: that it is absent means nothing.
  const REDRAWN = ["screen", "canvas", "frame"];

  function evidence(rows, how) {
    if (!rows) return null;
    const found = rows.filter(({ status }) => status !== "absent");
    if (found.length === 0) {
      return rows.length > 0 && !REDRAWN.includes(how) ? element("p", { class: "faint" }, word("evidenceNone")) : null;
    }
    return element("section", { "aria-labelledby": "evidence" },
      element("h3", { id: "evidence" }, word("evidenceTitle")),
      element("ul", {}, ...found.map((row) =>
        element("li", {},
          element("span", { class: `status ${row.status}` }, word(`evidence_${row.status}`)),
          element("span", {}, element("b", {}, kindOf(row.kind)), says(row), " ", row.detail,
            prompt(row))))));
  }

  const says = ({ label }) =>
    label ? element("span", { class: `says ${label}` }, ` ${word(`evidenceSays_${label}`)}`) : "";

  /** What the generator was asked for: often long, and not for everybody's eyes. */
  const prompt = ({ prompt: words }) =>
    words ? element("details", { class: "prompt" },
      element("summary", {}, word("evidencePrompt")), element("p", {}, words)) : null;

  const kindOf = (kind) => word(`kind_${kind}`) || kind.replaceAll("_", " ");

  function facts({ record, how }) {
    const { format, width, height, bytes } = record.image;
    const size = `${number(width)} × ${number(height)}`;
    const scored = record.probabilities ? word("scoredAt", size) : word("readAt", size);
    const taken = how === "screen" ? "" : word(`how_${how}`);
    return [`${scored} (${format}, ${fileSize(bytes)})`, taken].filter(Boolean).join(" · ");
  }

  function caution({ logged }) {
    return logged ? null : element("p", { class: "faint" }, word("cardPrivate"));
  }

  const number = (value) => value.toLocaleString(locale(), { useGrouping: false });

  function fileSize(bytes) {
    const [value, unit] = bytes < 1e6 ? [bytes / 1e3, "kilobyte"] : [bytes / 1e6, "megabyte"];
    return value.toLocaleString(locale(), {
      style: "unit", unit, maximumFractionDigits: unit === "megabyte" ? 1 : 0,
    });
  }

  function buttons({ record, logged, dashboard }, press) {
    const button = (name, attributes = {}) =>
      element("button", { type: "button", "data-press": name, ...attributes,
        on: { click: (event) => press(name, event.currentTarget) } }, word(`button_${name}`));
    return element("div", { class: "row" },
      record.heatmap ? button("heatmap", { "aria-pressed": "false" }) : null,
      logged ? button("disagree", { "aria-expanded": "false" }) : null,
      logged && dashboard ? button("dashboard") : null);
  }

  function searches({ searches: links }) {
    if (!links || links.length === 0) return null;
    return element("div", { class: "links" },
      element("span", { class: "faint" }, word("reverseSearch")),
      ...links.map(({ name, url }) =>
        element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, name)));
  }

  const CLAIMS = ["ai_generated", "human_made"];
  const REASONS = ["mine", "author", "source", "look", "other"];

  /** Show the form of a disagreement. `submit` says itself what goes wrong; then it may be tried again. */
  function disagreement(record, { submit, cancel }) {
    const opposite = record.outcome === "ai_generated" ? "human_made" : "ai_generated";
    const claim = choice("claim", CLAIMS, record.outcome in { uncertain: 1, not_assessed: 1 } ? null : opposite);
    const reason = choice("reason", REASONS, null);
    const send = element("button", { type: "submit", class: "first" }, word("appealSend"));
    const form = element("form", { "aria-label": word("button_disagree") }, claim, reason,
      element("p", { class: "faint" }, word("appealWhere")),
      element("div", { class: "row" }, send,
        element("button", { type: "button", on: { click: cancel } }, word("cancel"))));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!event.isTrusted || send.disabled) return;
      const chosen = new FormData(form);
      send.disabled = true;
      const why = chosen.get("reason");
      await submit(chosen.get("claim"), why ? word(`reason_${why}`) : "");
      send.disabled = false;
    });
    return form;
  }

  function choice(name, values, chosen) {
    return element("fieldset", {}, element("legend", {}, word(`${name}Title`)),
      ...values.map((value) => element("label", {},
        element("input", { type: "radio", name, value, checked: value === chosen,
          required: name === "claim" }),
        word(`${name}_${value}`))));
  }

  /** Show what went wrong and what may be done. */
  function problem({ reason, detail, host, retryAfterS, actions }, press, allowed) {
    const offered = actions.filter(allowed);
    return [
      element("h2", { id: "outcome" }, word(`problem_${reason}_title`, host)),
      element("p", {}, word(`problem_${reason}_advice`, host)),
      detail ? element("p", { class: "faint" }, detail) : null,
      retryAfterS ? element("p", { class: "faint" }, word("retryAfter", retryAfterS)) : null,
      element("div", { class: "row" }, ...offered.map((name, index) =>
        element("button", { type: "button", "data-press": name, class: index === 0 ? "first" : null,
          on: { click: (event) => press(name, event.currentTarget) } },
        word(`action_${name}`, host)))),
    ].filter(Boolean);
  }

  ours.parts ??= { busy, verdict, disagreement, problem };
})();
