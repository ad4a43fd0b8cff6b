/** Following pictures: asking where they are while something moves, and now and then besides. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { badgePlace, dom } = ours;
  const STIRRED_MS = 300;
  const LOOK_MS = 120;
  const REST_MS = 500;

  let stop = null;
  let measure = null;
  let stirredAt = 0;
  let lookedAt = 0;
  let running = false;

  /** Begin. `act(look)` is called for each frame; `look`: also find out what lies above. */
  function begin(act) {
    end();
    measure = act;
    stop = new AbortController();
    const options = { capture: true, passive: true, signal: stop.signal };
    for (const type of ["scroll", "resize", "transitionend", "animationend", "toggle", "load",
      "fullscreenchange", "visibilitychange", "pointerup", "keyup"]) {
      addEventListener(type, stir, options);
    }
    const rest = setInterval(() => document.visibilityState === "visible" && stir({ type: "rest" }), REST_MS);
    stop.signal.addEventListener("abort", () => clearInterval(rest));
    stir({ type: "begin" });
  }

  /** Something may have moved. */
  function stir({ type }) {
    stirredAt = performance.now() - (type === "rest" ? STIRRED_MS : 0);
    if (running || !measure) return;
    running = true;
    requestAnimationFrame(frame);
  }

  function frame() {
    running = false;
    if (!measure) return;
    const now = performance.now();
    const ended = now - stirredAt > STIRRED_MS;
    const look = ended || now - lookedAt > LOOK_MS;
    if (look) lookedAt = now;
    measure(look);
    if (ended || running) return;
    running = true;
    requestAnimationFrame(frame);
  }

  function end() {
    stop?.abort();
    stop = measure = null;
  }

  /**
   * Return which part of a picture can be seen and where its badge goes.
   * @param {object} known what this returned for the picture before; `look` false takes from it what
   *   was found to lie above.
   */
  function partOf(picture, known, look) {
    const whole = picture.getBoundingClientRect();
    const clips = look || !known ? clipsOf(picture) : known.clips;
    let part = badgePlace.within(whole, { left: 0, top: 0, right: innerWidth, bottom: innerHeight });
    for (const clip of clips) part = part && badgePlace.within(part, clip.getBoundingClientRect());
    if (!look && known) return { part, clips, ...moved(part, whole, known) };
    part = part && uncovered(picture, part);
    const spot = part ? badgePlace.spots(part, ours.words.direction()).find((each) => isFree(picture, each)) : null;
    return { part, clips, whole, spot: spot ?? null };
  }

  // Between two looks a badge keeps its place on its picture.
  function moved(part, whole, known) {
    if (!part || !known.spot) return { whole, spot: null };
    const left = known.spot.left + whole.left - known.whole.left;
    const top = known.spot.top + whole.top - known.whole.top;
    return { whole, spot: { left: Math.round(left), top: Math.round(top) } };
  }

  function clipsOf(picture) {
    const clips = [];
    for (let node = dom.parentOf(picture); node && node !== document.body; node = dom.parentOf(node)) {
      const { overflowX, overflowY, position } = getComputedStyle(node);
      if (overflowX !== "visible" || overflowY !== "visible") clips.push(node);
      if (position === "fixed") break;
    }
    return clips.filter((node) => node !== document.documentElement);
  }

  function uncovered(picture, part) {
    if (!isShown(picture)) return null;
    const middle = (part.left + part.right) / 2;
    const points = [[middle, part.top + 4], [middle, part.bottom - 4], [middle, (part.top + part.bottom) / 2]];
    let left = part;
    for (const [x, y] of points) {
      for (const above of strangersAt(picture, x, y)) {
        if (left && isOpaque(above)) left = badgePlace.cut(left, above.getBoundingClientRect());
      }
    }
    return left;
  }

  const isShown = (picture) =>
    picture.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;

  // What lies above a picture at a point and neither holds it nor is held by it.
  function strangersAt(picture, x, y) {
    const stack = dom.stackAt(x, y);
    const at = stack.findIndex((each) => each === picture || each.contains(picture) || picture.contains(each)
      || each.contains(picture.getRootNode().host ?? null));
    return at < 0 ? stack : stack.slice(0, at);
  }

  /** Tell whether something of the page hides a picture at a point. */
  const isHiddenAt = (picture, { x, y }) => strangersAt(picture, x, y).some(isOpaque);

  function isOpaque(node) {
    if (/^(img|video|canvas|iframe|dialog)$/.test(node.localName)) return true;
    const { backgroundColor, backgroundImage, opacity } = getComputedStyle(node);
    if (parseFloat(opacity) < 0.5) return false;
    return backgroundImage.includes("url(") || alphaOf(backgroundColor) > 0.5;
  }

  const alphaOf = (colour) => {
    if (colour === "transparent") return 0;
    const alpha = /(?:rgba\([^,]+,[^,]+,[^,]+,|\/)\s*([\d.]+)(%?)\s*\)$/.exec(colour);
    return alpha ? parseFloat(alpha[1]) / (alpha[2] ? 100 : 1) : 1;
  };

  const CONTROLS = "button, input, select, textarea, summary, [role=button], [role=checkbox], [role=menuitem]";

  function isFree(picture, { left, top }) {
    const half = badgePlace.SIZE_PX / 2;
    const above = strangersAt(picture, left + half, top + half);
    return !above.some((node) => isOpaque(node) || dom.closest(node, CONTROLS) || isSmallLink(node, picture));
  }

  // A link over the whole picture is what pictures have; a small one is a button of its own.
  function isSmallLink(node, picture) {
    const link = dom.closest(node, "a[href]");
    if (!link || link.contains(picture)) return false;
    const area = (each) => ours.geometry.area(each.getBoundingClientRect());
    return area(link) < area(picture) / 3;
  }

  ours.follow ??= { begin, stir: () => stir({ type: "ours" }), end, partOf, isHiddenAt };
})();
