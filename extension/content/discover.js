/**
 * Finding the pictures of a page as it grows: in slices of a few milliseconds while the browser has
 * nothing else to do, through shadow roots, and again whenever the page puts something in.
 */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { dom } = ours;
  const SLICE_MS = 5;
  const AGAIN_MS = 10_000;
  const LEAST_PX = 100;
  const PICTURES = "img, image, video[poster], input[type=image], object[type^='image/'], embed[type^='image/']";
  const MAY_HAVE_BACKGROUND = new Set(
    "a article aside button div figure footer header i li main nav p section span".split(" "),
  );

  let found = null;
  let observer = null;
  let observed = new WeakSet();
  let queue = [];
  let walk = null;
  let scheduled = false;
  let again = 0;

  /** Begin. `hear(element)` is told of each picture, of some more than once. */
  function begin(hear) {
    end();
    found = hear;
    observer = new MutationObserver(heard);
    observe(document);
    wholePage();
    again = setInterval(wholePage, AGAIN_MS); // shadow roots and backgrounds come without a word
  }

  function wholePage() {
    if (document.visibilityState !== "visible" && walk) return;
    add(document.documentElement);
  }

  function heard(changes) {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) add(node);
    }
    ours.follow.stir();
  }

  function add(root) {
    if (!root) return;
    queue.push(root);
    schedule();
  }

  function schedule() {
    if (scheduled || !found) return;
    scheduled = true;
    const idle = globalThis.requestIdleCallback ?? ((act) => setTimeout(act, 30));
    idle(slice, { timeout: 1000 });
  }

  function slice() {
    scheduled = false;
    if (!found) return;
    const until = performance.now() + SLICE_MS;
    while (performance.now() < until) {
      walk ??= queue.length > 0 ? steps(queue.shift()) : null;
      if (!walk) return;
      if (walk.next().done) walk = null;
    }
    schedule();
  }

  // One step looks at a few elements: asking for the time costs, too.
  function* steps(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    let seen = 0;
    for (let node = walker.currentNode; node; node = walker.nextNode()) {
      if (node.nodeType === Node.ELEMENT_NODE && !dom.isOurs(node)) {
        if (isPicture(node)) found?.(node);
        const shadow = dom.shadowOf(node);
        if (shadow) {
          observe(shadow);
          yield* steps(shadow);
        }
      }
      seen += 1;
      if (seen % 8 === 0) yield;
    }
  }

  function isPicture(node) {
    if (node.matches(PICTURES)) return true;
    if (!MAY_HAVE_BACKGROUND.has(node.localName)) return false;
    if (node.offsetWidth < LEAST_PX || node.offsetHeight < LEAST_PX) return false;
    return getComputedStyle(node).backgroundImage.includes("url(");
  }

  function observe(root) {
    if (observed.has(root)) return;
    observed.add(root);
    observer.observe(root, { childList: true, subtree: true });
  }

  /** Stop looking. */
  function end() {
    clearInterval(again);
    observer?.disconnect();
    observer = found = walk = null;
    observed = new WeakSet();
    queue = [];
  }

  ours.discover ??= { begin, end, LEAST_PX };
})();
