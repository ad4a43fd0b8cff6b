/**
 * Badges and covers. They lie in closed shadow roots in the top layer, never beside the picture, and
 * nothing of a picture's own element is changed: neither where they stand nor how large they are tells
 * a page what was found. Covers take no clicks themselves for the same reason.
 */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { badgePlace, dom, elements, words } = ours;
  const { element: build } = elements;
  const { word } = words;

  const marks = new Map(); // by picture
  const layers = new Map(); // by what they lie in
  let manner = { cover: "none", coverOutcomes: [], pressed: () => {} };

  /** Say how pictures are covered, and who hears a press. */
  function begin(chosen) {
    manner = chosen;
    for (const [picture, { verdict }] of [...marks]) show(picture, verdict);
    addEventListener("click", uncover, { capture: true });
  }

  /** Show what was found on a picture. */
  function show(picture, verdict) {
    const known = marks.get(picture);
    drop(picture);
    const layer = layerFor(picture);
    const found = verdict.review?.label ?? verdict.outcome;
    const badge = badgeOf(verdict, found, () => manner.pressed(picture));
    const covered = manner.cover !== "none" && manner.coverOutcomes.includes(found);
    const cover = covered && !known?.revealed ? coverOf(found) : null;
    for (const part of [cover, badge].filter(Boolean)) {
      part.hidden = true; // until it is placed
      layer.shadow.append(part);
    }
    marks.set(picture, { verdict, badge, cover, layer, part: null, revealed: known?.revealed ?? false });
  }

  function badgeOf(verdict, found, press) {
    const tip = build("span", { class: "tip", dir: words.direction() },
      ...words.linesOf(verdict).map((line, i) => build(i === 0 ? "b" : "span", {}, line)));
    // Not in the order of Tab: a page may have hundreds. The list in the popup is for the keyboard.
    return build("button", {
      class: `badge ${found}`, type: "button", tabindex: "-1",
      "aria-label": words.linesOf(verdict).join(". "),
      on: {
        click: (event) => {
          event.stopPropagation();
          press();
        },
      },
    }, sign(found), markOf(verdict), tip);
  }

  const SIGNS = { ai_generated: "AI", uncertain: "?", cannot_tell: "?", not_assessed: "–" };

  // A hand's stroke for what a person made; letters for the rest: colour alone says nothing.
  function sign(found) {
    if (found !== "human_made") return build("span", { "aria-hidden": "true" }, SIGNS[found] ?? "?");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", "M20 2 9 13l2.500 2.500L22 4.200A1.500 1.500 0 0 0 20 2zM7.500 14.500c-2.600 0-3.200 1.800-3.500 3.200-.3 1.200-.9 1.800-2.300 2 1.400 1.500 3.600 2.100 5.600 1.600 2.400-.5 3.300-2.400 2.900-4.300z");
    path.setAttribute("fill", "currentColor");
    svg.append(path);
    return svg;
  }

  function markOf({ review, conflict, similar }) {
    const text = review ? "✓" : conflict ? "!" : similar ? "≈" : null;
    return text ? build("span", { class: "mark", "aria-hidden": "true" }, text) : null;
  }

  const coverOf = (found) => build("div", { class: `cover ${manner.cover}`, dir: words.direction() },
    build("span", {}, word("coverShow", word(`outcome_${found}`))));

  function layerFor(picture) {
    const dialog = dom.closest(picture, "dialog:modal");
    const container = dialog ?? document.fullscreenElement ?? document.documentElement;
    const known = layers.get(container);
    if (known?.host.isConnected) return known;
    const made = elements.host(ours.styles.BADGES, picture);
    const style = { position: "absolute", inset: "0 auto auto 0", width: "0", height: "0", "pointer-events": "none" };
    for (const [name, value] of Object.entries(style)) made.host.style.setProperty(name, value, "important");
    if (known) rehouse(known, made); // the page took ours away
    layers.set(container, known ?? made);
    return known ?? made;
  }

  function rehouse(layer, { host, shadow }) {
    shadow.append(...[...layer.shadow.children].filter(({ localName }) => localName !== "style"));
    Object.assign(layer, { host, shadow });
  }

  /** Bring badges and covers to where their pictures are now. @param {Map} parts by picture. */
  function place(parts) {
    const moves = [];
    for (const [picture, mark] of marks) {
      const part = parts.get(picture)?.part ?? null;
      const spot = part ? parts.get(picture).spot : null;
      const layer = part ? layerFor(picture) : mark.layer;
      if (layer !== mark.layer) layer.shadow.append(...[mark.cover, mark.badge].filter(Boolean));
      Object.assign(mark, { layer, part });
      moves.push({ mark, spot, origin: part ? layer.host.getBoundingClientRect() : null });
    }
    moves.forEach(move); // all reading is done before anything is written
  }

  function move({ mark, spot, origin }) {
    const { badge, cover, part } = mark;
    set(badge, "hidden", spot === null);
    if (spot) {
      put(badge, spot, origin);
      badge.classList.toggle("leftwards", spot.left > innerWidth * 0.65);
      badge.classList.toggle("upwards", spot.top > innerHeight - 120);
    }
    if (!cover) return;
    set(cover, "hidden", part === null);
    if (!part) return;
    put(cover, part, origin);
    style(cover, "width", `${part.width}px`);
    style(cover, "height", `${part.height}px`);
    cover.classList.toggle("tiny", part.width < 190 || part.height < 60);
  }

  const put = (made, { left, top }, origin) =>
    style(made, "transform", `translate(${left - origin.left}px, ${top - origin.top}px)`);

  const set = (made, name, value) => made[name] !== value && (made[name] = value);
  const style = (made, name, value) => made.style[name] !== value && (made.style[name] = value);

  // The first click on a covered picture shows it; the page hears the next, and those on what hides
  // the picture there.
  function uncover(event) {
    if (!event.isTrusted) return;
    const point = { x: event.clientX, y: event.clientY };
    for (const [picture, mark] of marks) {
      const { cover, part } = mark;
      if (!cover || cover.hidden || !part || !ours.geometry.contains(part, point)) continue;
      if (isOnBadge(event)) return;
      if (ours.follow.isHiddenAt(picture, point)) continue;
      event.preventDefault();
      event.stopImmediatePropagation();
      reveal(mark);
      return;
    }
  }

  const isOnBadge = (event) => dom.isOurs(event.target);

  function reveal(mark) {
    mark.cover?.remove();
    Object.assign(mark, { cover: null, revealed: true });
  }

  /** Take away the cover of a picture, and point at it for a moment. */
  function point(picture) {
    const mark = marks.get(picture);
    if (!mark?.part) return;
    reveal(mark);
    const { shadow, host } = mark.layer;
    const ring = build("div", { class: "ring" });
    ring.style.width = `${mark.part.width}px`;
    ring.style.height = `${mark.part.height}px`;
    put(ring, mark.part, host.getBoundingClientRect());
    shadow.append(ring);
    setTimeout(() => ring.remove(), 1800);
  }

  /** Take away what stands on a picture. */
  function drop(picture) {
    const mark = marks.get(picture);
    if (!mark) return;
    mark.badge.remove();
    mark.cover?.remove();
    marks.delete(picture);
  }

  /** Take everything away. */
  function end() {
    removeEventListener("click", uncover, { capture: true });
    marks.clear();
    for (const { host } of layers.values()) host.remove();
    layers.clear();
  }

  ours.badges ??= { begin, show, place, point, drop, end, has: (picture) => marks.has(picture) };
})();
