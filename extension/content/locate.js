/** Finding the picture that the user means. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { dom, geometry, sources } = ours;

  let lastClick = null;

  /** Remember where the context menu was opened: the menu itself tells no place. */
  function watchClicks() {
    addEventListener("contextmenu", (event) => {
      if (!event.isTrusted) return;
      lastClick = { x: event.clientX, y: event.clientY, at: performance.now() };
    }, { capture: true, passive: true });
  }

  /**
   * Find what the context menu was opened on.
   * @param {object} hints see `hintsOf` in background/menus.js.
   * @returns what `pictureOf` returns, or null.
   */
  function fromHints(hints) {
    if (document.contentType?.startsWith("image/")) return bareImage();
    const target = browserTarget(hints.targetElementId);
    return (
      (target && fromElement(target))
      ?? bySource(hints.srcUrl)
      ?? recentClick()
      ?? byLink(hints.linkUrl)
      ?? byHover()
      ?? (hints.srcUrl && !hints.srcUrl.startsWith("blob:")
        ? { element: null, kind: "address", candidates: [{ address: hints.srcUrl, how: "picture" }] }
        : null)
    );
  }

  function bareImage() {
    const image = document.images[0] ?? null;
    return {
      element: image,
      kind: "document",
      candidates: [{ address: document.URL, how: "picture" }],
    };
  }

  function browserTarget(id) {
    return id === null || id === undefined
      ? null
      : globalThis.browser?.menus?.getTargetElement?.(id) ?? null;
  }

  function recentClick() {
    if (!lastClick || performance.now() - lastClick.at > 60_000) return null;
    return atPoint(lastClick.x, lastClick.y);
  }

  // The menu tells the address that an element shows. Where several show it, the hovered one is
  // meant, or else the one that is most in view.
  function bySource(address) {
    if (!address) return null;
    const shows = (e) => [e.currentSrc, e.src, e.poster, e.href?.baseVal].includes(address);
    const found = [...dom.findAll(sources.SELECTOR)].filter(shows);
    const element = found.find((e) => e.matches(":hover")) ?? mostInView(found);
    return element ? fromElement(element) ?? sources.pictureOf(element) : null;
  }

  function byLink(address) {
    if (!address) return null;
    const links = [...dom.findAll("a[href]")].filter(
      (link) => (link.href?.baseVal ?? link.href) === address,
    );
    const link = links.find((e) => e.matches(":hover")) ?? mostInView(links);
    return link ? fromElement(link) : null;
  }

  // Browsers leave :hover where the pointer was when the menu opened.
  function byHover() {
    let innermost = null;
    for (let root = document; root; root = innermost && dom.shadowOf(innermost)) {
      const hovered = [...root.querySelectorAll(":hover")].at(-1);
      if (!hovered || hovered === innermost) break;
      innermost = hovered;
    }
    return innermost && innermost !== document.body && innermost !== document.documentElement
      ? fromElement(innermost)
      : null;
  }

  /** Find the picture at a point of the view: through overlays, links and what takes no clicks. */
  function atPoint(x, y) {
    const stack = dom.stackAt(x, y);
    const shown = stack.map(ownPicture).filter(Boolean);
    const foreground = shown.find((found) => found.kind !== "background");
    // Pictures with `pointer-events: none` are in no stack.
    const beneath = foreground ? null : picturesAt(x, y)[0];
    return foreground ?? beneath ?? shown[0] ?? null;
  }

  function picturesAt(x, y) {
    return [...dom.findAll(sources.SELECTOR)]
      .filter((e) => geometry.contains(e.getBoundingClientRect(), { x, y }) && isVisible(e))
      .map(ownPicture)
      .filter(Boolean)
      .sort((a, b) => boxArea(b.element) - boxArea(a.element));
  }

  /** Find the picture that an element shows, holds, or lies upon. */
  function fromElement(element) {
    const own = ownPicture(element);
    if (own && own.kind !== "background") return own;
    const held = biggest(heldBy(element));
    if (held) return held;
    const { left, top, width, height } = element.getBoundingClientRect();
    return own ?? (width && height ? atPoint(left + width / 2, top + height / 2) : null);
  }

  function heldBy(element) {
    const roots = [element, dom.shadowOf(element)].filter(Boolean);
    return roots.flatMap((root) => [...dom.findAll(sources.SELECTOR, root)])
      .filter(isVisible)
      .map(ownPicture)
      .filter(Boolean);
  }

  function biggest(found) {
    return found.sort((a, b) => boxArea(b.element) - boxArea(a.element))[0] ?? null;
  }

  // A clear image or canvas above a picture is not what anybody means; what styles draw on it may be.
  function ownPicture(element) {
    if (dom.isOurs(element)) return null;
    return isClear(element) ? sources.styledPictureOf(element) : sources.pictureOf(element);
  }

  function isClear(element) {
    if (element.localName === "img") return !sources.isBlank(element) && allClear(element);
    return element.localName === "canvas" && allClear(element);
  }

  // Looks at alpha alone, on a reduced copy; where the browser keeps pixels from us, it is a picture.
  function allClear(element) {
    const width = element.naturalWidth ?? element.width;
    const height = element.naturalHeight ?? element.height;
    if (!width || !height) return element.localName === "canvas";
    try {
      const canvas = new OffscreenCanvas(Math.min(width, 32), Math.min(height, 32));
      const pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(element, 0, 0, canvas.width, canvas.height);
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 3; i < data.length; i += 4) if (data[i] > 8) return false;
      return true;
    } catch {
      return false;
    }
  }

  function isVisible(element) {
    return element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
  }

  const boxArea = (element) => geometry.area(element.getBoundingClientRect());

  function mostInView(elements) {
    const view = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
    const inView = (element) => geometry.shared(element.getBoundingClientRect(), view);
    return elements.sort((a, b) => inView(b) - inView(a))[0] ?? null;
  }

  ours.locate ??= { watchClicks, fromHints, atPoint, fromElement };
})();
