/** Building elements from plain values. Text is text: nothing here ever reads markup. */
(() => {
  const ours = (globalThis.brushmark ??= {});

  /**
   * Build an element.
   * @param {string} name
   * @param {object} attributes; `on` holds listeners, which hear only what a person did.
   * @param {...(Node | string | null)} children
   */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    const { on = {}, ...rest } = attributes;
    for (const [key, value] of Object.entries(rest)) {
      if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) {
        made.setAttribute(key, value);
      }
    }
    for (const [type, listener] of Object.entries(on)) {
      made.addEventListener(type, (event) => event.isTrusted && listener(event));
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  /**
   * Make a host for something of ours: its shadow root is closed, so that neither the page's
   * styles nor its scripts reach in, and it lies in the top layer, above lightboxes.
   * @param {Element | null} near a picture: a host beside it stays usable where a modal dialog
   *   makes the rest of the page inert.
   */
  function host(styles, near) {
    const made = document.createElement("brushmark-host");
    hosts.add(made);
    ours.dom.claim(made);
    const shadow = made.attachShadow({ mode: "closed" });
    dress(shadow, styles);
    made.popover = "manual";
    for (const [name, value] of Object.entries(BARE)) made.style.setProperty(name, value, "important");
    place(made, near);
    return { host: made, shadow };
  }

  const hosts = new Set();

  /** Run something while nothing of ours can be seen: a copy of the screen must not show it. */
  async function outOfTheWay(work) {
    const shown = connected();
    for (const each of shown) each.style.setProperty("visibility", "hidden", "important");
    try {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      return await work();
    } finally {
      for (const each of shown) each.style.setProperty("visibility", "visible", "important");
    }
  }

  function connected() {
    for (const each of hosts) if (!each.isConnected) hosts.delete(each);
    return [...hosts];
  }

  // `all: initial` keeps the page's inherited and own styles off the host itself.
  const BARE = {
    all: "initial", position: "fixed", inset: "auto", margin: "0", padding: "0", border: "0",
    background: "none", overflow: "visible", width: "auto", height: "auto", "z-index": "2147483647",
    "color-scheme": "light dark", display: "block",
  };

  function place(made, near) {
    const dialog = near && ours.dom.closest(near, "dialog:modal");
    const parent = dialog ?? document.fullscreenElement ?? document.body ?? document.documentElement;
    (CONTAINERS_NOT.has(parent.localName) ? document.documentElement : parent).append(made);
    made.showPopover();
  }

  // Full-screen elements that show no children.
  const CONTAINERS_NOT = new Set(["img", "video", "canvas", "iframe", "frameset"]);

  function dress(shadow, styles) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
      shadow.adoptedStyleSheets = [sheet];
    } catch {
      // Firefox keeps adopted sheets from extensions' scripts; its style elements ignore page CSP.
      const style = document.createElement("style");
      style.textContent = styles;
      shadow.append(style);
    }
  }

  ours.elements ??= { element, host, outOfTheWay };
})();
