/** What the worker may tell our script in a page. Nobody else reaches this listener. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  if (ours.listening) return;
  ours.listening = true;

  const TABLE = {
    "check.begin": (message) => void ours.check.begin(message),
    "pick.begin": (message) => ours.check.pick(message),
    "pick.end": () => ours.picker.end(),
    "card.show": (message) => ours.check.show(message),
    "heat.show": (message) => ours.check.showHeat(message),
    "heat.hide": ({ ticket }) => ours.heat.hide(ticket),
    "scan.refresh": () => void ours.scan?.refresh(),
    "scan.report": () => void ours.scan?.report(),
    "scan.point": (message) => ours.scan?.point(message) ?? { gone: true },
  };

  chrome.runtime.onMessage.addListener((message, sender, respond) => {
    // Our pages and scripts in other tabs send to the worker, never to each other.
    if (sender.id !== chrome.runtime.id || sender.tab) return false;
    if (!Object.hasOwn(TABLE, message?.type ?? "")) return false;
    Promise.resolve()
      .then(() => TABLE[message.type](message))
      .then((answer) => respond(answer ?? {}), () => respond({ problem: { reason: "gone", host: "" } }));
    return true;
  });

  ours.locate.watchClicks();
})();
