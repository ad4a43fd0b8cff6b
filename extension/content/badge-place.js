/** Where a badge goes on its picture, and which part of a picture can be seen. No DOM. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const SIZE_PX = 26;
  const INSET_PX = 6;
  const LEAST_PX = SIZE_PX + 2 * INSET_PX;

  const box = (left, top, right, bottom) => ({ left, top, right, bottom, width: right - left, height: bottom - top });

  /** Return what of a box lies within another, or null. */
  function within(inner, outer) {
    const left = Math.max(inner.left, outer.left);
    const top = Math.max(inner.top, outer.top);
    const right = Math.min(inner.right, outer.right);
    const bottom = Math.min(inner.bottom, outer.bottom);
    return right > left && bottom > top ? box(left, top, right, bottom) : null;
  }

  /**
   * Cut away what something above covers, where it covers a whole edge: a bar at the top, a column
   * at the side. What covers only a corner cuts nothing; what covers everything leaves null.
   */
  function cut(part, above) {
    const across = above.left <= part.left && above.right >= part.right;
    const down = above.top <= part.top && above.bottom >= part.bottom;
    if (across && down) return null;
    let { left, top, right, bottom } = part;
    if (across && above.top <= top && above.bottom > top) top = above.bottom;
    else if (across && above.bottom >= bottom && above.top < bottom) bottom = above.top;
    else if (down && above.left <= left && above.right > left) left = above.right;
    else if (down && above.right >= right && above.left < right) right = above.left;
    return right > left && bottom > top ? box(left, top, right, bottom) : null;
  }

  /** Return the points at which a badge may have its top left corner, the best first. */
  function spots(part, direction) {
    if (part.width < LEAST_PX || part.height < LEAST_PX) return [];
    const start = part.left + INSET_PX;
    const end = part.right - INSET_PX - SIZE_PX;
    const [near, far] = direction === "rtl" ? [end, start] : [start, end];
    const middle = (start + end) / 2;
    const high = part.top + INSET_PX;
    const low = part.bottom - INSET_PX - SIZE_PX;
    return [[near, high], [far, high], [near, low], [far, low], [middle, high], [middle, low]]
      .map(([left, top]) => ({ left: Math.round(left), top: Math.round(top) }));
  }

  ours.badgePlace ??= { SIZE_PX, within, cut, spots };
})();
