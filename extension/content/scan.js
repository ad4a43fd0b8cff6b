/** Scanning a page that the user has switched on: what comes into view is checked and gets a badge. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  if (ours.scan) return;
  const { badges, discover, dom, follow, scanQueue, sources } = ours;
  const MOST_PICTURES = 1000;
  const ENOUGH_PX = 384; // a shown copy as large as this is taken, though a larger one exists
  const REPORT_MS = 300;
  const doc = crypto.randomUUID?.() ?? String(Math.random());

  let scan = null;

  /** Ask whether this page is scanned, and begin, go on or end. */
  async function refresh() {
    let manner;
    try {
      manner = await scanQueue.ask({ type: "scan.hello" });
    } catch {
      manner = { on: false }; // the extension itself was taken away
    }
    if (!manner.on) return end();
    scan ??= start();
    scan.minShortSidePx = manner.minShortSidePx;
    badges.begin({ ...manner, pressed });
    retryClosed();
    scan.queue.hurry();
    report();
    follow.stir();
  }

  // A permission may have come meanwhile.
  function retryClosed() {
    scan.closed = {};
    for (const entry of scan.entries.values()) {
      if (entry.state === "closed") entry.state = "new";
    }
  }

  function start() {
    const begun = {
      entries: new Map(), // by picture
      answers: new Map(), // by what is shown: the same picture often stands on a page many times
      watcher: new IntersectionObserver(seen, { rootMargin: "150px" }),
      minShortSidePx: 64, problem: null, timer: null, ids: 0, closed: {},
    };
    begun.queue = scanQueue.make({
      candidatesOf, answered, troubled,
      stillWanted: (entry) => entry.visible && entry.element.isConnected || forgetAsked(entry),
    });
    discover.begin((element) => found(element));
    follow.begin(tick);
    return begun;
  }

  function found(element) {
    if (!scan || scan.entries.has(element) || scan.entries.size >= MOST_PICTURES) return;
    scan.ids += 1;
    const entry = { id: scan.ids, element, key: null, state: "new", verdict: null, visible: false, place: null };
    scan.entries.set(element, entry);
    scan.watcher.observe(element);
  }

  function seen(changes) {
    if (!scan) return;
    for (const { target, isIntersecting } of changes) {
      const entry = scan.entries.get(target);
      if (entry) entry.visible = isIntersecting;
    }
    follow.stir();
  }

  function forgetAsked(entry) {
    if (entry.state === "asked") entry.state = "new"; // asked for anew when it comes into view
    return false;
  }

  function tick(look) {
    if (!scan) return;
    if (!chrome.runtime?.id) return end(); // the extension was taken away, switched off or renewed
    const places = new Map();
    for (const entry of scan.entries.values()) {
      if (!entry.element.isConnected) forget(entry);
      else if (entry.visible) places.set(entry.element, seenNow(entry, look));
    }
    badges.place(places);
  }

  function seenNow(entry, look) {
    if (look) compare(entry);
    if (!badges.has(entry.element)) return null;
    entry.place = follow.partOf(entry.element, entry.place, look);
    return entry.place;
  }

  // A picture that changed, or of which a larger copy has come, is checked anew.
  function compare(entry) {
    const shown = shownBy(entry.element);
    if (shown.key !== entry.key) {
      badges.drop(entry.element);
      Object.assign(entry, { key: shown.key, state: "new", verdict: null });
    }
    if (entry.state !== "new" || !shown.ready || isTooSmall(entry.element, shown)) return;
    entry.state = "asked";
    const known = scan.answers.get(entry.key);
    if (known) answered(entry, known);
    else scan.queue.push(entry);
  }

  function shownBy(element) {
    if (element.localName === "img") {
      const { currentSrc, src, naturalWidth, naturalHeight, complete } = element;
      const shortSide = Math.min(naturalWidth, naturalHeight);
      return { key: `${currentSrc || src} ${naturalWidth}`, ready: complete && shortSide > 0, shortSide };
    }
    const [first] = sources.pictureOf(element)?.candidates.filter(isFile) ?? [];
    return { key: first?.address ?? "", ready: Boolean(first), shortSide: Infinity };
  }

  const isFile = ({ how }) => how !== "frame" && how !== "canvas";

  function isTooSmall(element, { shortSide }) {
    const { width, height } = element.getBoundingClientRect();
    return Math.min(width, height) < discover.LEAST_PX || shortSide < scan.minShortSidePx;
  }

  function candidatesOf({ element }) {
    const all = (sources.pictureOf(element)?.candidates ?? []).filter(isFile);
    const shown = element.localName === "img" && element.currentSrc;
    if (!shown || shownBy(element).shortSide < ENOUGH_PX) return all.slice(0, 3);
    const rest = all.filter(({ address }) => address !== shown);
    return [{ address: shown, how: "picture" }, ...rest].slice(0, 3);
  }

  function answered(entry, answer) {
    if (!scan || !scan.entries.has(entry.element)) return;
    if (answer.verdict) scan.answers.set(entry.key, answer);
    const { verdict = null, problem } = answer;
    const closed = problem?.reason === "host_permission";
    Object.assign(entry, { state: verdict ? "done" : closed ? "closed" : "failed", verdict });
    if (closed) scan.closed[problem.host] = (scan.closed[problem.host] ?? 0) + 1;
    if (verdict) badges.show(entry.element, verdict);
    follow.stir();
    report();
  }

  function troubled(problem) {
    if (problem?.reason === "not_scanned") return end();
    if (!scan || scan.problem?.reason === problem?.reason) return;
    scan.problem = problem;
    report();
  }

  function forget(entry) {
    scan.watcher.unobserve(entry.element);
    badges.drop(entry.element);
    scan.entries.delete(entry.element);
    if (entry.verdict) report();
  }

  /** Tell the worker what stands on this page, soon. */
  function report() {
    if (!scan || scan.timer) return;
    scan.timer = setTimeout(() => {
      if (!scan) return;
      scan.timer = null;
      const { closed, problem, queue } = scan;
      const entries = [...scan.entries.values()];
      const items = entries.filter(({ verdict }) => verdict).map(described);
      const failed = entries.filter(({ state }) => state === "failed").length;
      const told = { doc, items, closed, failed, problem, left: queue.left };
      scanQueue.ask({ type: "scan.report", ...told }).catch(() => {});
    }, REPORT_MS);
  }

  function described({ id, element, key, verdict }) {
    return { id, name: nameOf(element, key), ...verdict };
  }

  function nameOf(element, key) {
    const said = element.alt || element.getAttribute("aria-label") || element.title;
    if (said) return String(said).slice(0, 120);
    const path = key.split(/[?#\s]/, 1)[0];
    return path.startsWith("data:") ? "" : decoded(path.split("/").at(-1)).slice(0, 120);
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  async function pressed(element) {
    try {
      const { ticket } = await scanQueue.ask({ type: "scan.card" });
      ours.check.start(ticket, element);
    } catch {
      refresh();
    }
  }

  /** Bring a picture into view and point at it: the list in the popup was pressed. */
  function point({ id }) {
    const entry = [...(scan?.entries.values() ?? [])].find((each) => each.id === id);
    if (!entry?.element.isConnected) return { gone: true };
    entry.element.scrollIntoView({ block: "center", inline: "nearest" });
    entry.visible = true;
    setTimeout(() => {
      tick(true);
      badges.point(entry.element);
    }, 80);
    return {};
  }

  function end() {
    if (!scan) return;
    clearTimeout(scan.timer);
    scan.queue.end();
    scan.watcher.disconnect();
    scan = null;
    discover.end();
    follow.end();
    badges.end();
  }

  // Back: the page is as it was left, but the worker has heard of another one since.
  addEventListener("pageshow", ({ persisted }) => persisted && refresh());
  ours.scan = { refresh, report, point };
  refresh();
})();
