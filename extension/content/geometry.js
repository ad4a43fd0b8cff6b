/** Rectangles: where a card goes, and where in its box a picture is drawn. No DOM. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const GAP_PX = 12;
  const EDGE_PX = 8;

  /**
   * Return where a card goes: beside the picture, or over it where there is no room.
   * @param {{left, top, right, bottom} | null} box the picture's, in the view.
   * @param {{width, height}} card
   * @param {{width, height}} view
   * @param {"ltr" | "rtl"} direction decides which side is tried first.
   */
  function placeCard(box, card, view, direction) {
    if (!box) return corner(card, view, direction);
    const after = box.right + GAP_PX;
    const before = box.left - GAP_PX - card.width;
    const fits = (left) => left >= EDGE_PX && left + card.width <= view.width - EDGE_PX;
    const tried = direction === "rtl" ? [before, after] : [after, before];
    const left = tried.find(fits) ?? Math.min(box.right, view.width) - card.width - GAP_PX;
    return held({ left, top: box.top }, card, view);
  }

  function corner(card, view, direction) {
    const left = direction === "rtl" ? EDGE_PX * 2 : view.width - card.width - EDGE_PX * 2;
    return held({ left, top: EDGE_PX * 2 }, card, view);
  }

  function held({ left, top }, card, view) {
    const within = (value, size, most) =>
      Math.max(EDGE_PX, Math.min(value, most - size - EDGE_PX));
    return {
      left: within(left, card.width, view.width),
      top: within(top, card.height, view.height),
    };
  }

  /**
   * Return where a picture is drawn in its box, as `object-fit` and `object-position` say.
   * @param {{left, top, width, height}} box the content box.
   * @param {{width, height}} natural
   * @param {string} fit fill, contain, cover, none or scale-down.
   * @param {string} position two computed values: “50% 50%”, “0px 10px”.
   */
  function drawnBox(box, natural, fit, position) {
    if (!natural.width || !natural.height || fit === "fill") return { ...box };
    const across = box.width / natural.width;
    const down = box.height / natural.height;
    const scale = {
      contain: Math.min(across, down),
      cover: Math.max(across, down),
      none: 1,
      "scale-down": Math.min(1, across, down),
    }[fit] ?? Math.min(across, down);
    const width = natural.width * scale;
    const height = natural.height * scale;
    const [x = "50%", y = "50%"] = position.split(/\s+/);
    return {
      left: box.left + offset(x, box.width - width),
      top: box.top + offset(y, box.height - height),
      width,
      height,
    };
  }

  function offset(value, room) {
    const number = parseFloat(value);
    if (!Number.isFinite(number)) return room / 2;
    return value.endsWith("%") ? (room * number) / 100 : number;
  }

  const area = ({ width, height }) => Math.max(0, width) * Math.max(0, height);

  const contains = (box, { x, y }) =>
    x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;

  /** Return the area that two boxes share. */
  function shared(a, b) {
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    return width > 0 && height > 0 ? width * height : 0;
  }

  ours.geometry ??= { placeCard, drawnBox, area, contains, shared };
})();
