/** The last resort: a piece of what the screen shows. */

import { Problem } from "../lib/problems.js";
import { decodeDataAddress } from "../lib/bytes.js";
import { cropOf } from "../lib/crop.js";

/**
 * Take a picture of a tab and cut a piece out.
 * @param {{left: number, top: number, width: number, height: number, viewWidth: number}} area in
 *   CSS pixels of the tab's view, and how wide that view is.
 * @returns {Promise<Uint8Array>} a PNG.
 * @throws {Problem} “out_of_sight” where nothing of the area can be seen.
 */
export async function captureCrop(tab, area) {
  const address = await chrome.tabs.captureVisibleTab(tab.windowId, { format: "png" })
    .catch((error) => {
      throw new Problem("page_forbidden", { detail: error.message });
    });
  const { bytes, type } = decodeDataAddress(address);
  const screen = await createImageBitmap(new Blob([bytes], { type }));
  const crop = cropOf(area, screen);
  if (!crop) throw new Problem("out_of_sight");
  const canvas = new OffscreenCanvas(crop.width, crop.height);
  canvas.getContext("2d").drawImage(screen, -crop.left, -crop.top);
  const piece = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await piece.arrayBuffer());
}
