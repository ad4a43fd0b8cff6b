/** Who may send the worker which message, and what is done about it. */

/**
 * Tell who sent a message: one of the extension's own pages, its script in a web page, or neither.
 * @param {chrome.runtime.MessageSender} sender
 * @param {{id: string, root: string}} us the extension's id and the root of its pages.
 * @returns {"page" | "content" | null}
 */
export function senderKind(sender, us) {
  if (sender.id !== us.id) return null;
  // Our pages in a tab have `sender.tab` too, so their address decides; a frame of ours inside a
  // web page would have our address but the web page's tab: nothing of ours may be framed.
  if (sender.url?.startsWith(us.root)) return "page";
  return sender.tab?.id >= 0 ? "content" : null;
}

/**
 * Make the listener for `chrome.runtime.onMessage`.
 * @param {Record<string, {from: ("page" | "content")[], handle: Function}>} table
 * @param {{id: string, root: string}} us
 * @param {(error: unknown) => object} explain turns an error into what goes back.
 */
export function dispatcher(table, us, explain) {
  return (message, sender, respond) => {
    const entry = Object.hasOwn(table, message?.type ?? "") ? table[message.type] : null;
    const kind = senderKind(sender, us);
    if (!entry || !entry.from.includes(kind)) return false;
    Promise.resolve()
      .then(() => entry.handle(message, sender))
      .then(
        (answer) => respond(answer ?? {}),
        (error) => respond({ problem: explain(error) }),
      );
    return true; // the answer comes later
  };
}
