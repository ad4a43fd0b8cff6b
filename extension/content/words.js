/** Words in the user's language, for the scripts that run in web pages. */
(() => {
  const ours = (globalThis.brushmark ??= {});

  const word = (key, ...values) => chrome.i18n.getMessage(key, values.map(String));

  /** Write a probability as the backend does: whole per cent, never as certainty. */
  function percent(probability) {
    if (probability > 0.99) return word("percentOver", 99);
    if (probability < 0.01) return word("percentUnder", 1);
    return word("percent", Math.round(probability * 100));
  }

  function day(iso) {
    const when = new Date(iso);
    const year = when.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    return when.toLocaleDateString(locale(), { day: "numeric", month: "short", year });
  }

  const locale = () => chrome.i18n.getUILanguage();

  /** “ltr” or “rtl”: of the browser's language, not of the page. */
  const direction = () => word("@@bidi_dir") || "ltr";

  /** Say in a few lines what was found (see `briefOf` in lib/verdicts.js), the weightiest first. */
  function linesOf({ outcome, ai, review, similar, conflict }) {
    return [
      review ? word(`reviewed_${review.label}`, day(review.at)) : word(`outcome_${outcome}`),
      ai === null ? null : word("probabilityAi", percent(ai)),
      conflict ? word("conflictShort") : null,
      similar ? word(`similar_${similar.label}`, day(similar.at)) : null,
    ].filter(Boolean);
  }

  ours.words ??= { word, percent, day, locale, direction, linesOf };
})();
