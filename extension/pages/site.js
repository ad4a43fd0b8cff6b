/** The switches: on this site, on all sites, paused everywhere. */

import { ALL, patternsOf } from "../lib/sites.js";
import { ask, showProblem, word } from "./words.js";

const $ = (id) => document.getElementById(id);
let shown = null;
let turning = 0;

/** Show how a site stands. */
export function showSite(site, { inPanel }) {
  if (turning > 0) return; // what is shown now is what the user has just chosen
  shown = site;
  const { paused, everywhere, onSite } = site;
  $("on-site").checked = onSite || everywhere;
  $("on-site").disabled = site.site === null || everywhere;
  $("on-all").checked = everywhere;
  $("site-name").textContent = site.site === null ? word("onThisSite") : word("onSite", site.site);
  $("pause").textContent = word(paused ? "resumeButton" : "pauseButton");
  $("pause").setAttribute("aria-pressed", String(paused));
  $("site-note").textContent = noteFor(site, inPanel);
}

function noteFor({ site, paused, everywhere, onSite, privateOff }, inPanel) {
  if (paused) return word("siteNotePaused");
  if (site === null) return word(inPanel ? "siteNotePanel" : "siteNoteNone");
  if (privateOff) return word("siteNotePrivate");
  return word(everywhere || onSite ? "siteNoteOn" : "siteNoteOff");
}

/** Hear the switches. */
export function watchSwitches({ news, changed }) {
  const doing = (act) => async (event) => {
    news.hidden = true;
    turning += 1;
    document.body.dataset.turning = "";
    try {
      await act(event.currentTarget);
    } catch (problem) {
      showProblem(news, problem?.reason ? problem : { reason: "server", detail: String(problem) });
    }
    turning -= 1;
    if (turning === 0) delete document.body.dataset.turning;
    changed();
  };
  $("on-site").addEventListener("change", doing((box) => turn(box.checked, { site: shown.site })));
  $("on-all").addEventListener("change", doing((box) => turn(box.checked, { site: null })));
  $("pause").addEventListener("click", doing(() => ask("site.pause", { paused: !shown.paused })));
}

async function turn(on, what) {
  if (!on) return ask("site.off", what);
  await allow(what, what.site === null ? ALL : patternsOf(what.site));
}

/**
 * Ask the browser for hosts, then switch on what needs them. Nothing may be awaited before the
 * question: browsers ask only within the click. The question may close this page, so the worker is
 * told first what is wanted.
 */
export async function allow(what, origins) {
  ask("site.want", what).catch(() => {});
  const granted = await chrome.permissions.request({ origins: [...origins] });
  if (granted) await ask("site.on", what);
}
