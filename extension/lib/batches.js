/** Work in portions: few things at once, and requests of a bearable size. */

/** The backend takes 64 pictures and 64 MB; smaller requests let others in between. */
export const MOST_IN_BATCH = 8;
const MOST_BYTES = 24 * 1024 * 1024;

/** Split pictures (`bytes`: Uint8Array) into batches, in order. One alone may be over the limit. */
export function inBatches(pictures, { most = MOST_IN_BATCH, mostBytes = MOST_BYTES } = {}) {
  const batches = [];
  let size = Infinity;
  for (const picture of pictures) {
    const full = batches.at(-1)?.length >= most || size + picture.bytes.length > mostBytes;
    if (full) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1).push(picture);
    size += picture.bytes.length;
  }
  return batches;
}

/** Make a gate that lets at most so many pieces of work run at once; the rest wait in line. */
export function gate(most) {
  const waiting = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next(); // the place is handed on, so that nobody slips in between
      else running -= 1;
    }
  };
}
