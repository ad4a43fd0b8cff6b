/** A browser for the worker's modules: what it keeps, it keeps as the real one does, as copies. */

function area() {
  const kept = new Map();
  const names = (asked) => (asked === null ? [...kept.keys()] : [asked].flat());
  return {
    get: async (asked) => Object.fromEntries(
      names(asked).filter((name) => kept.has(name)).map((name) => [name, structuredClone(kept.get(name))])),
    set: async (items) => Object.entries(structuredClone(items)).forEach(([name, value]) => kept.set(name, value)),
    remove: async (asked) => names(asked).forEach((name) => kept.delete(name)),
  };
}

/** Put a fresh browser in place. @returns it; `badge` is our button's number, `told` what tabs heard. */
export function freshBrowser() {
  const badge = new Map();
  const told = [];
  globalThis.chrome = {
    storage: { local: area(), session: area() },
    action: {
      setBadgeBackgroundColor: async () => {},
      setBadgeText: async ({ tabId, text }) => badge.set(tabId, text),
    },
    tabs: { sendMessage: async (tabId, message) => told.push({ tabId, ...message }) },
  };
  return { ...globalThis.chrome, badge, told };
}
