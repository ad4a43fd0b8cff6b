/** Walking a document through shadow roots, open and closed. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  // Those that may have a shadow root at all: asking the rest would cost time on long pages.
  const HOSTS = new Set(
    ("article aside blockquote body div footer h1 h2 h3 h4 h5 h6 header main nav p section span")
      .split(" "),
  );

  /** Return an element's shadow root, closed ones as well: extensions may look inside. */
  function shadowOf(element) {
    const name = element.localName;
    if (!name || !(HOSTS.has(name) || name.includes("-"))) return null;
    if (isOurs(element)) return null;
    if (element.shadowRoot) return element.shadowRoot;
    try {
      return globalThis.chrome?.dom?.openOrClosedShadowRoot?.(element)
        ?? element.openOrClosedShadowRoot // Firefox
        ?? null;
    } catch {
      return null;
    }
  }

  const hosts = new WeakSet();
  /** Remember an element as one that we added, so that we never look for pictures in it. */
  const claim = (element) => hosts.add(element);
  const isOurs = (element) => hosts.has(element);

  /** Yield every element under a root that a selector matches, through shadow roots. */
  function* findAll(selector, root = document) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.matches(selector)) yield node;
      const shadow = shadowOf(node);
      if (shadow) yield* findAll(selector, shadow);
    }
  }

  /** Return the elements at a point of the view, topmost first, through shadow roots. */
  function stackAt(x, y, root = document) {
    const stack = [];
    for (const element of root.elementsFromPoint(x, y)) {
      if (isOurs(element) || element.getRootNode() !== root) continue;
      const shadow = shadowOf(element);
      if (shadow) stack.push(...stackAt(x, y, shadow));
      stack.push(element);
    }
    return stack;
  }

  /** Return the parent, out of a shadow root where need be. */
  function parentOf(node) {
    return node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null;
  }

  /** Return the nearest of an element and those around it that a selector matches. */
  function closest(element, selector) {
    for (let node = element; node; node = parentOf(node)) {
      if (node.matches?.(selector)) return node;
    }
    return null;
  }

  ours.dom ??= { shadowOf, claim, isOurs, findAll, stackAt, parentOf, closest };
})();
