/** Where a piece of a page lies in a picture of its screen. */

/**
 * Bring an area from CSS pixels of the view to whole pixels of the screen copy.
 * @param {{left: number, top: number, width: number, height: number, viewWidth: number}} area
 * @param {{width: number, height: number}} screen the copy: scaled by zoom and display.
 * @returns {{left: number, top: number, width: number, height: number} | null} null where the area
 *   lies outside or is no area at all.
 */
export function cropOf(area, screen) {
  const sides = [area?.left, area?.top, area?.width, area?.height, area?.viewWidth];
  if (!sides.every(Number.isFinite) || area.viewWidth <= 0) return null;
  const scale = screen.width / area.viewWidth;
  const left = Math.max(0, Math.round(area.left * scale));
  const top = Math.max(0, Math.round(area.top * scale));
  const right = Math.min(screen.width, Math.round((area.left + area.width) * scale));
  const bottom = Math.min(screen.height, Math.round((area.top + area.height) * scale));
  return right > left && bottom > top
    ? { left, top, width: right - left, height: bottom - top }
    : null;
}
