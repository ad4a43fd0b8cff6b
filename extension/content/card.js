/** The card: one at a time in a frame. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { elements, geometry, parts, styles, words } = ours;
  const { element } = elements;
  const { word } = words;

  let current = null;

  /**
   * Show a state of a check.
   * @param {string} ticket a card that shows the same ticket is kept where it is.
   * @param {{phase: "busy"} | {phase: "verdict", view: object} | {phase: "problem", problem: object}}
   *   state
   * @param {{near: Element | null, press: Function, allowed: (action: string) => boolean}} options
   */
  function show(ticket, state, options) {
    if (current?.ticket !== ticket) {
      close();
      current = open(ticket, options);
    }
    current.options = options;
    render(state);
  }

  function open(ticket, { near }) {
    const { host, shadow } = elements.host(styles.CARD, near);
    const body = element("div", { class: "body", "aria-live": "polite" });
    const card = element("div", {
      class: "card", role: "dialog", tabindex: "-1", dir: words.direction(),
      lang: words.locale(), "aria-label": word("cardLabel"),
    }, header(), body);
    shadow.append(card);
    const opened = { ticket, host, card, body, moved: null, focused: document.activeElement };
    // What is typed or clicked here is not the page's; Escape is ours wherever it is pressed.
    for (const type of KEYS) card.addEventListener(type, (event) => event.stopPropagation());
    card.addEventListener("keydown", closeOnEscape);
    opened.stop = new AbortController();
    const { signal } = opened.stop;
    addEventListener("keydown", closeOnEscape, { capture: true, signal });
    addEventListener("resize", () => place(), { signal });
    return opened;
  }

  const KEYS = ["keydown", "keyup", "keypress", "click", "mousedown", "mouseup", "pointerdown",
    "pointerup", "wheel", "contextmenu", "input", "change", "paste", "copy", "cut", "focusin"];

  function closeOnEscape(event) {
    if (!event.isTrusted || event.key !== "Escape" || !current) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    close();
  }

  function header() {
    const top = element("div", { class: "top" }, mark(),
      element("span", { class: "name" }, "Brushmark"),
      element("button", { class: "close", type: "button", "aria-label": word("close"),
        title: word("close"), "data-press": "close", on: { click: close } }, "×"));
    top.addEventListener("pointerdown", startMoving);
    return top;
  }

  const SVG = "http://www.w3.org/2000/svg";
  const STROKES = [
    ["M25 6 14 17l2 2L27 8a1.4 1.4 0 0 0-2-2z", "#fbfaf7"],
    ["M12.6 18.4c-3 0-3.6 2-4 3.6-.3 1.3-1 2-2.600 2.200 1.600 1.600 4 2.300 6.200 1.800 2.600-.6 3.700-2.700 3.200-4.800z", "#f0874f"],
  ];

  function mark() {
    const drawn = document.createElementNS(SVG, "svg");
    for (const [name, value] of [["viewBox", "0 0 32 32"], ["class", "mark"], ["aria-hidden", "true"]]) {
      drawn.setAttribute(name, value);
    }
    const ground = document.createElementNS(SVG, "rect");
    for (const [name, value] of [["width", 32], ["height", 32], ["rx", 7], ["fill", "#2f5d62"]]) {
      ground.setAttribute(name, value);
    }
    const strokes = STROKES.map(([d, fill]) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      path.setAttribute("fill", fill);
      return path;
    });
    drawn.append(ground, ...strokes);
    return drawn;
  }

  function render(state) {
    const { body, card, options } = current;
    body.replaceChildren(...content(state, options));
    card.dataset.phase = state.phase;
    card.setAttribute("aria-busy", String(state.phase === "busy"));
    place();
    if (state.phase !== "busy" || !card.contains(card.getRootNode().activeElement)) {
      card.focus({ preventScroll: true });
    }
  }

  function content(state, { press, allowed }) {
    if (state.phase === "busy") return parts.busy();
    if (state.phase === "problem") return parts.problem(state.problem, press, allowed);
    return parts.verdict(state.view, (name, button) =>
      name === "disagree" ? disagree(state.view.record, button) : press(name, button));
  }

  function disagree(record, button) {
    const { body, options } = current;
    const known = body.querySelector("form");
    button.setAttribute("aria-expanded", String(!known));
    if (known) return known.remove();
    const cancel = () => {
      body.querySelector("form")?.remove();
      button.setAttribute("aria-expanded", "false");
      button.focus();
    };
    const submit = (claim, reason) => options.press("appeal", button, { claim, reason });
    const form = parts.disagreement(record, { submit, cancel });
    button.parentElement.after(form);
    place();
    const below = form.getBoundingClientRect().bottom - current.card.getBoundingClientRect().bottom;
    if (below > 0) current.card.scrollTop += below + 14; // its last button can be seen
    form.querySelector("input:checked, input")?.focus({ preventScroll: true });
  }

  /** Put words in place of the form of a disagreement, or under it. */
  function note(text, { done = false } = {}) {
    if (!current) return;
    const { body } = current;
    body.querySelector(".note")?.remove();
    const said = element("p", { class: "review note", role: "status" }, text);
    const form = body.querySelector("form");
    if (form && done) form.replaceWith(said);
    else (form ?? body.querySelector(".row") ?? body.lastElementChild).after(said);
    place();
  }

  function place() {
    if (!current) return;
    const { card, options, moved } = current;
    const near = options.near?.isConnected ? options.near.getBoundingClientRect() : null;
    const view = { width: innerWidth, height: innerHeight };
    const size = card.getBoundingClientRect();
    const { left, top } = geometry.placeCard(moved ? asBox(moved) : near, size, view, card.dir);
    card.style.left = `${moved ? moved.left : left}px`;
    card.style.top = `${moved ? moved.top : top}px`;
  }

  const asBox = ({ left, top }) => ({ left, top, right: left, bottom: top });

  function startMoving(event) {
    if (!event.isTrusted || event.target.closest("button")) return;
    const { card } = current;
    const start = card.getBoundingClientRect();
    const [fromX, fromY] = [event.clientX - start.left, event.clientY - start.top];
    event.currentTarget.setPointerCapture(event.pointerId);
    event.currentTarget.onpointermove = (move) => {
      if (!current) return;
      current.moved = { left: move.clientX - fromX, top: move.clientY - fromY };
      place();
    };
    event.currentTarget.onpointerup = (up) => {
      up.currentTarget.onpointermove = null;
    };
  }

  /** Take the card away, and give the focus back. */
  function close() {
    if (!current) return;
    const { host, stop, focused, ticket } = current;
    current = null;
    stop.abort();
    host.remove();
    focused?.focus?.({ preventScroll: true });
    ours.heat.hide(ticket);
  }

  ours.card ??= { show, note, close };
})();
