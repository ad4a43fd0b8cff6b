/** Asking the worker about pictures of a page: a few at once, later again where it cannot answer now. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { read } = ours;
  const MOST_IN_MESSAGE = 8;
  const MOST_CHARACTERS = 32 * 1024 * 1024; // browsers carry 64 MiB in a message, and refuse what is more
  const MOST_MESSAGES = 2;
  const COLLECT_MS = 60;
  const AGAIN_S = [2, 5, 15, 30, 60];
  const PASSING = new Set(["busy", "slow_down", "timed_out", "no_model", "no_space"]);

  /**
   * Make a queue.
   * @param {{candidatesOf, stillWanted, answered, troubled}} parts `candidatesOf(entry)` says where
   *   its picture lies; `answered(entry, answer)` and `troubled(problem | null)` hear how it went.
   */
  function make({ candidatesOf, stillWanted, answered, troubled }) {
    let waiting = [];
    let running = 0;
    let failures = 0;
    let timer = null;
    let ended = false;
    const sharing = new Set(); // hosts that let pages read their pictures are tried, others once
    const silent = new Set();

    function push(entry) {
      if (!waiting.includes(entry)) waiting.push(entry);
      // After a failure the end of the pause or of what is running goes on, where there is any.
      if (failures === 0 || running === 0) later(COLLECT_MS);
    }

    function later(ms) {
      if (timer !== null || ended) return;
      timer = setTimeout(() => {
        timer = null;
        flush();
      }, ms);
    }

    function flush() {
      waiting = waiting.filter(stillWanted);
      while (!ended && waiting.length > 0 && running < (failures > 0 ? 1 : MOST_MESSAGES)) {
        running += 1;
        const entries = waiting.splice(0, MOST_IN_MESSAGE);
        const open = new Set(entries); // those without an answer yet
        send(entries, open).then(wentWell, (problem) => wentWrong([...open], problem)).finally(() => {
          running -= 1;
          if (failures === 0 && waiting.length > 0) later(0);
        });
      }
    }

    async function send(entries, open) {
      const asked = await Promise.all(entries.map(async (entry) =>
        ({ entry, candidates: await readNear(candidatesOf(entry)) })));
      const unread = await deliver(asked, false, open);
      const tried = await Promise.all(unread.map(async ({ entry, candidates, read: closed }) =>
        ({ entry, candidates: await readShared(candidates, closed) })));
      if (tried.length > 0) await deliver(tried, true, open);
    }

    async function deliver(asked, readHere, open) {
      const unread = [];
      for (const portion of inPortions(asked)) unread.push(...(await deliverPortion(portion, readHere, open)));
      return unread;
    }

    async function deliverPortion(asked, readHere, open) {
      const pictures = asked.map(({ candidates }) => ({ candidates, readHere }));
      const { results } = await ask({ type: "scan.check", pictures });
      const unread = [];
      let passing = null;
      asked.forEach((each, i) => {
        const { read: closed, problem } = results[i];
        if (closed) return unread.push({ ...each, read: closed });
        if (PASSING.has(problem?.reason)) return (passing = problem);
        open.delete(each.entry);
        return ended || answered(each.entry, results[i]);
      });
      if (passing) throw passing; // the others have their answers
      return unread;
    }

    // Of the page's own origin, with its cookies and out of its cache; others are the worker's.
    async function readNear(candidates) {
      const near = candidates.map(({ address }) => isNear(address));
      if (!near[0]) return candidates;
      return [{ ...candidates[0], ...(await read.tried(candidates[0].address)) }, ...candidates.slice(1)];
    }

    const isNear = (address) => address.startsWith("blob:") || originOf(address) === location.origin;

    // A host that keeps its pictures from pages is tried once: browsers complain in the console.
    async function readShared(candidates, closed) {
      const first = closed[0];
      const origin = originOf(candidates[first].address);
      if (silent.has(origin)) return candidates;
      const found = await read.readThrough(candidates, [first]);
      if (found[first].bytes === undefined && !sharing.has(origin)) silent.add(origin);
      else sharing.add(origin);
      return found;
    }

    function wentWell() {
      failures = 0;
      if (!ended) troubled(null);
    }

    function wentWrong(entries, problem) {
      if (ended) return;
      waiting = [...entries, ...waiting];
      const pause = problem?.retryAfterS ?? AGAIN_S[Math.min(failures, AGAIN_S.length - 1)];
      failures += 1;
      troubled(problem?.reason ? problem : { reason: "stopped", host: "" });
      later(pause * 1000);
    }

    return {
      push,
      /** Ask again now: the backend may be there again. */
      hurry() {
        clearTimeout(timer);
        timer = null;
        later(COLLECT_MS);
      },
      end() {
        ended = true;
        clearTimeout(timer);
        waiting = [];
      },
      get left() {
        return waiting.length;
      },
    };
  }

  /** Split what is asked about so that each portion fits a message. One alone may be over the limit. */
  function inPortions(asked) {
    const portions = [];
    let size = Infinity;
    for (const each of asked) {
      const more = each.candidates.reduce((sum, { address, bytes = "" }) => sum + address.length + bytes.length, 0);
      if (size + more > MOST_CHARACTERS) {
        portions.push([]);
        size = 0;
      }
      portions.at(-1).push(each);
      size += more;
    }
    return portions;
  }

  function originOf(address) {
    try {
      return new URL(address, document.baseURI).origin;
    } catch {
      return null;
    }
  }

  /** Ask the worker, twice where it ended in the middle. */
  async function ask(message) {
    for (let tries = 0; tries < 2; tries += 1) {
      const answer = await chrome.runtime.sendMessage(message).catch(() => null);
      if (answer?.problem) throw answer.problem;
      if (answer) return answer;
    }
    throw { reason: "stopped", host: "" };
  }

  ours.scanQueue ??= { make, ask };
})();
