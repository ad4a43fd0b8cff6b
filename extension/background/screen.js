/** The last resort: a piece of what the screen shows. */

import { Problem } from "../lib/problems.js";
import { decodeDataAddress } from "../lib/bytes.js";
import { cropOf } from "../lib/crop.js";

/**
 * Take a picture of the tab in front and cut a piece out.
 * @param {{left: number, top: number, width: number, height: number, viewWidth: number}} area in
 *   CSS pixels of the tab's view, and how wide that view is.
 * @returns {Promise<Uint8Array>} a PNG.
 * @throws {Problem} “out_of_sight” where nothing of the area can be seen, “screen_permission”
 *   where our button was not pressed on this page: its site alone is not enough for browsers.
 */
export async function captureCrop({ id, windowId }, area) {
  const { active } = await chrome.tabs.get(id);
  if (!active) throw new Problem("out_of_sight"); // or another tab would be copied
  const address = await chrome.tabs.captureVisibleTab(windowId, { format: "png" })
    .catch(({ message }) => {
      const reason = /activeTab|all_urls/.test(message) ? "screen_permission" : "page_forbidden";
      throw new Problem(reason, { detail: reason === "page_forbidden" ? message : "" });
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
