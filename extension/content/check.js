/** A check as the page's side of it goes: find, read, ask the worker, show. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { card, elements, heat, locate, picker, read } = ours;
  const LEAST_VIEW = { width: 300, height: 240 };
  const found = new Map();

  /** Ask the worker. A worker that ends in the middle is asked again, once. */
  async function ask(message) {
    for (let tries = 0; tries < 2; tries += 1) {
      const answer = await chrome.runtime.sendMessage(message).catch(() => null);
      if (answer?.problem) throw answer.problem;
      if (answer) return answer;
    }
    throw { reason: "stopped", actions: ["retry"] };
  }

  /** Check what the context menu was opened on, or the same picture again. */
  async function begin({ ticket, hints }) {
    const known = found.get(ticket);
    const picture = known?.element?.isConnected ? again(known) : locate.fromHints(hints);
    if (picture) return run(ticket, picture);
    present(ticket, null, { phase: "problem", problem: nothingFound(known) });
  }

  /** Check the picture that an element shows, such as one whose badge was pressed. */
  function start(ticket, element) {
    const picture = locate.fromElement(element);
    if (picture) return run(ticket, picture);
    return present(ticket, null, { phase: "problem", problem: nothingFound(true) });
  }

  const again = ({ element }) => locate.fromElement(element);

  const nothingFound = (known) =>
    ({ reason: known ? "gone" : "nothing_found", detail: "", host: "", actions: ["pick"] });

  /** Let the user pick a picture, then check it. */
  function pick({ ticket }) {
    card.close();
    picker.begin(async (picture, gaveUp) => {
      await ask({ type: "pick.done", ticket }).catch(() => {}); // the other frames stop picking
      if (picture) run(ticket, picture);
      else if (!gaveUp) present(ticket, null, { phase: "problem", problem: nothingFound(null) });
    });
  }

  async function run(ticket, picture) {
    found.set(ticket, picture);
    const verdict = judged(ticket, picture);
    verdict.catch(() => {}); // told below
    await new Promise((resolve) => setTimeout(resolve)); // the question is out before the card is built
    present(ticket, picture.element, { phase: "busy" });
    await showing(ticket, picture.element, () => verdict);
  }

  async function judged(ticket, picture) {
    const candidates = await read.readOwn(picture);
    const asked = { type: "check.run", ticket, candidates };
    const answer = await ask(asked);
    if (!answer.read) return answer;
    const tried = await read.readThrough(candidates, answer.read);
    return ask({ ...asked, candidates: tried, readHere: true });
  }

  async function screenCopy(ticket) {
    const element = found.get(ticket)?.element;
    if (!element?.isConnected) {
      return present(ticket, null, { phase: "problem", problem: nothingFound(true) });
    }
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    await showing(ticket, element, () => elements.outOfTheWay(() => {
      const area = areaInTab(element);
      if (!area) throw { reason: "out_of_sight", detail: "", host: "", actions: [] };
      return ask({ type: "check.screenCopy", ticket, area });
    }));
  }

  async function showing(ticket, element, work) {
    try {
      const { view } = await work();
      present(ticket, element, { phase: "verdict", view });
    } catch (problem) {
      const known = problem?.reason ? problem : { reason: "stopped", detail: String(problem), actions: ["retry"] };
      present(ticket, element, { phase: "problem", problem: { host: "", ...known } });
    }
  }

  // Where an element lies in the tab's whole view; null where a frame of another origin hides that.
  function areaInTab(element) {
    let { left, top, width, height } = element.getBoundingClientRect();
    for (let view = window; view !== view.top; view = view.parent) {
      const frame = view.frameElement;
      if (!frame) return null;
      const box = frame.getBoundingClientRect();
      left += box.left + frame.clientLeft;
      top += box.top + frame.clientTop;
    }
    return { left, top, width, height, viewWidth: window.top.innerWidth };
  }

  function present(ticket, near, state) {
    const tooSmall = window !== window.top
      && (innerWidth < LEAST_VIEW.width || innerHeight < LEAST_VIEW.height);
    const here = () => show({ ticket, state, near, here: true });
    if (tooSmall) ask({ type: "card.present", ticket, state }).catch(here); // a narrow card beats none
    else here();
  }

  /** Show a card, also for a picture in a frame that is too small for one. */
  function show({ ticket, state, near = null, here = false }) {
    const press = (name, button, details) => pressed(ticket, name, button, details);
    // A copy of the screen is taken by the frame that has the picture.
    const allowed = (action) => action !== "screenCopy" || (here && near !== null);
    card.show(ticket, state, { near, press, allowed });
  }

  async function pressed(ticket, name, button, details) {
    try {
      await PRESSES[name](ticket, button, details);
    } catch (problem) {
      const { word } = ours.words;
      card.note(word(`problem_${problem?.reason ?? "server"}_title`, problem?.host ?? ""));
    }
  }

  const send = (type) => (ticket) => ask({ type, ticket });

  const PRESSES = {
    retry: send("check.retry"),
    options: send("card.options"),
    allowHost: send("card.allowHost"),
    pick: send("check.pick"),
    dashboard: send("card.dashboard"),
    screenCopy,
    heatmap: async (ticket, button) => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      await ask({ type: "card.heatmap", ticket, shown });
      button.setAttribute("aria-pressed", String(shown));
    },
    appeal: async (ticket, _, { claim, reason }) => {
      await ask({ type: "card.appeal", ticket, claim, reason });
      card.note(ours.words.word("appealSent"), { done: true });
    },
  };

  async function showHeat({ ticket, png }) {
    const element = found.get(ticket)?.element;
    if (!element?.isConnected) throw new Error("gone");
    await heat.show(ticket, element, png);
  }

  ours.check ??= { begin, start, pick, show, showHeat };
})();
