/** Picking a picture with the mouse or the keyboard. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { dom, elements, locate, sources, styles, words } = ours;
  const { element } = elements;
  let active = null;

  /** Let the user pick. `picked` hears what `pictureOf` returns, or null where they gave up. */
  function begin(picked) {
    end();
    const { host, shadow } = elements.host(styles.PICKER, document.querySelector("dialog:modal"));
    const shade = element("div", { class: "shade" });
    const frame = element("div", { class: "frame", hidden: true });
    const hint = element("div", { class: "hint", role: "status", dir: words.direction() },
      words.word("pickHint"));
    shadow.append(shade, frame, hint);
    const stop = new AbortController();
    active = { host, shade, frame, hint, stop, picked, found: null, focused: document.activeElement };
    const options = { capture: true, signal: stop.signal };
    addEventListener("pointermove", (event) => event.isTrusted && point(event), options);
    addEventListener("click", (event) => event.isTrusted && take(event), options);
    addEventListener("keydown", (event) => event.isTrusted && key(event), options);
    for (const type of ["mousedown", "mouseup", "pointerdown", "pointerup", "auxclick"]) {
      addEventListener(type, swallow, options);
    }
  }

  // Frames have a picker of their own: over them, this one steps aside.
  function point({ clientX, clientY }) {
    const overFrame = dom.stackAt(clientX, clientY)[0]?.localName === "iframe";
    active.shade.style.pointerEvents = overFrame ? "none" : "auto";
    aim(overFrame ? null : locate.atPoint(clientX, clientY));
  }

  function aim(found) {
    active.found = found;
    active.frame.hidden = !found?.element;
    if (!found?.element) return;
    const { left, top, width, height } = found.element.getBoundingClientRect();
    Object.assign(active.frame.style, {
      left: `${left - 3}px`, top: `${top - 3}px`, width: `${width}px`, height: `${height}px`,
    });
  }

  function take(event) {
    swallow(event);
    finish(locate.atPoint(event.clientX, event.clientY));
  }

  function key(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Tab: event.shiftKey ? -1 : 1 };
    if (event.key === "Escape") {
      swallow(event);
      finish(null, { gaveUp: true });
    } else if (event.key === "Enter" && active.found) {
      swallow(event);
      finish(active.found);
    } else if (event.key in step) {
      swallow(event);
      walk(step[event.key]);
    }
  }

  function walk(step) {
    const inView = [...dom.findAll(sources.SELECTOR)].filter(({ localName }) => localName !== "picture")
      .filter((e) => e.checkVisibility?.() ?? true)
      .map((e) => sources.pictureOf(e)).filter(Boolean);
    if (inView.length === 0) return;
    const at = inView.findIndex((found) => found.element === active.found?.element);
    const next = inView[(at + step + (at < 0 && step < 0 ? 1 : 0) + inView.length) % inView.length];
    next.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    aim(next);
    active.hint.textContent = next.element.alt || words.word("pickHint");
  }

  function swallow(event) {
    if (!event.isTrusted) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function finish(found, { gaveUp = false } = {}) {
    const { picked } = active;
    end();
    picked(found, gaveUp);
  }

  /** Stop picking. */
  function end() {
    if (!active) return;
    active.stop.abort();
    active.host.remove();
    active.focused?.focus?.({ preventScroll: true });
    active = null;
  }

  ours.picker ??= { begin, end };
})();
