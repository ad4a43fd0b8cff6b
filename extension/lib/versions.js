/** Versions of the backend that this extension can talk to. */

/** The first with every route that the extension asks for. */
export const OLDEST_BACKEND = "0.1.0";

/** Tell whether version `a` comes before `b`: numbers of x.y.z, nothing after them. */
export function isBefore(a, b) {
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < 3; i += 1) {
    if (left[i] !== right[i]) return left[i] < right[i];
  }
  return false;
}

function numbers(version) {
  const found = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  return found ? found.slice(1).map((part) => Number(part ?? 0)) : [0, 0, 0];
}
