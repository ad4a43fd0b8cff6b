/** What can go wrong, and what a person may do about it. */

/** What the buttons of a problem do; the names are messages that the card sends. */
export const ACTIONS = {
  retry: "check.retry",
  options: "card.options",
  allowHost: "card.allowHost",
  screenCopy: "check.screenCopy",
  pick: "check.pick",
};

/** Each reason's buttons; its words are `problem_<reason>_title` and `_advice` in _locales. */
export const REASONS = {
  down: ["retry", "options"],
  network_refused: ["retry", "options"],
  not_configured: ["options"],
  unpaired: ["options"],
  backend_permission: ["options"],
  address_unreadable: [],
  address_not_https: [],
  pairing_code: [],
  pairing_locked: [],
  busy: ["retry"],
  slow_down: ["retry"],
  older: ["options"],
  not_brushmark: ["options"],
  no_model: ["retry", "options"],
  no_space: [],
  server: ["retry", "options"],
  refused: ["options"],
  timed_out: ["retry", "options"],
  too_large: ["screenCopy"],
  unsupported: ["screenCopy"],
  undecodable: ["retry", "screenCopy"],
  host_permission: ["allowHost", "screenCopy"],
  unreachable: ["retry", "screenCopy"],
  not_a_picture: ["screenCopy", "pick"],
  nothing_found: ["pick"],
  gone: ["pick"],
  kept_by_page: ["screenCopy", "pick"],
  screen_permission: [],
  no_file: [],
  out_of_sight: ["retry"],
  page_forbidden: [],
  stopped: ["retry"],
  not_scanned: [],
  site_permission: [],
  record_gone: [],
};

/** A failure with a reason from `REASONS`; `detail` is the backend's own sentence. */
export class Problem extends Error {
  constructor(reason, { detail = "", retryAfterS = null, host = "" } = {}) {
    super(detail ? `${reason}: ${detail}` : reason);
    if (!(reason in REASONS)) throw new RangeError(`no such reason: ${reason}`);
    this.reason = reason;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
    this.host = host;
  }

  /** What goes over to a page: messages carry plain values. */
  get plain() {
    const { reason, detail, retryAfterS, host } = this;
    return { reason, detail, retryAfterS, host, actions: REASONS[reason] };
  }
}

/** Bring any error into the form that a card or page shows. */
export function plainProblem(error) {
  return (error instanceof Problem ? error : new Problem("server", { detail: String(error) })).plain;
}

const BY_CODE = {
  unauthenticated: "unpaired",
  forbidden: "refused",
  host_refused: "refused",
  unknown_field: "older",
  method_not_allowed: "older",
  too_large: "too_large",
  unsupported_type: "unsupported",
  undecodable_image: "undecodable",
  slow_down: "slow_down",
  busy: "busy",
  no_model: "no_model",
  weights_missing: "no_model",
  weights_damaged: "no_model",
  out_of_space: "no_space",
  timed_out: "timed_out",
};

/** Read a refusal (RFC 9457) of the backend. `document` is null where the body was none. */
export function fromRefusal(status, document) {
  if (!document?.code) return new Problem(status >= 500 ? "server" : "not_brushmark");
  const reason = BY_CODE[document.code] ?? (document.code === "not_found" ? "older" : "server");
  return new Problem(reason, {
    detail: String(document.detail ?? ""),
    retryAfterS: document.retry_after ?? null,
  });
}
