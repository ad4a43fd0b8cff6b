/** Reading bytes where only the page can: blob: addresses, its own origin, canvases, frames. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const MAX_BYTES = 20 * 1024 * 1024;
  const TIMEOUT_MS = 20_000;

  /** Add the bytes to those candidates that nobody else can read. */
  async function readOwn(found) {
    const candidates = [];
    for (const candidate of found.candidates) {
      candidates.push({ ...candidate, ...(await own(candidate, found.element)) });
    }
    return candidates;
  }

  async function own({ address, how }, element) {
    if (how === "canvas") return bytesOrNothing(() => canvasBytes(element));
    if (how === "frame") return bytesOrNothing(() => frameBytes(element));
    if (address.startsWith("blob:")) return bytesOrNothing(() => fetched(address));
    return {};
  }

  /**
   * Try to read candidates that the worker may not: from the page's own origin, or from hosts
   * that let pages read them (CORS).
   */
  async function readThrough(candidates, indexes) {
    const tried = [...candidates];
    for (const index of indexes) {
      const { address } = candidates[index];
      const found = await bytesOrNothing(() => fetched(address));
      tried[index] = { ...candidates[index], ...found };
      if (found.bytes !== undefined) break; // best first: what comes after is not needed
    }
    return tried;
  }

  async function bytesOrNothing(read) {
    try {
      return { bytes: await base64(await read()) };
    } catch {
      return {};
    }
  }

  async function fetched(address) {
    const own = new URL(address).origin === location.origin;
    const answer = await fetch(address, {
      cache: "force-cache",
      credentials: own ? "include" : "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!answer.ok) throw new TypeError(`HTTP ${answer.status}`);
    return within(await answer.blob());
  }

  /** Try to read an address as the page itself would. @returns {{bytes?: string}} */
  const tried = (address) => bytesOrNothing(() => fetched(address));

  async function canvasBytes(canvas) {
    return within(await new Promise((resolve, reject) => {
      // Throws where the canvas holds pictures of other origins: then the screen is all there is.
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new TypeError("empty"))));
    }));
  }

  async function frameBytes(video) {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d").drawImage(video, 0, 0);
    return within(await canvas.convertToBlob({ type: "image/png" }));
  }

  function within(blob) {
    if (blob.size === 0 || blob.size > MAX_BYTES) throw new RangeError("size");
    return blob;
  }

  // The browser's reader works beside the page's thread; a loop here would hold the page up.
  function base64(blob) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  }

  /** Read base64, as heat maps come in. */
  function fromBase64(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  ours.read ??= { readOwn, readThrough, tried, fromBase64 };
})();
