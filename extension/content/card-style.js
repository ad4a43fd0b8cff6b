/** How card, heat map and picker look. The colours are the dashboard's. */
(() => {
  const ours = (globalThis.brushmark ??= {});

  const COLOURS = `
    :host {
      --paper: #fbfaf7; --raised: #f1efe9; --ink: #26292e; --faint: #5d6168; --line: #dedad1;
      --accent: #2f5d62; --on-accent: #ffffff; --ai: #c8501f; --ai-text: #a83f14;
      --human: #1e6ebe; --human-text: #1a62aa; --unsure: #6b6f76;
    }
    @media (prefers-color-scheme: dark) {
      :host {
        --paper: #1b1e22; --raised: #262a2f; --ink: #e8e6e1; --faint: #a9adb3; --line: #3a3f46;
        --accent: #8fc1bd; --on-accent: #14201f; --ai: #f0874f; --ai-text: #f59763;
        --human: #6eaee8; --human-text: #84bbee; --unsure: #9a9ea5;
      }
    }
  `;

  const CARD = `
    ${COLOURS}
    * { box-sizing: border-box; }
    .card {
      position: fixed; inline-size: min(22rem, calc(100vw - 16px));
      max-block-size: calc(100vh - 16px); overflow: auto; overscroll-behavior: contain;
      font: 400 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      border: 1px solid var(--line); border-radius: 12px;
      box-shadow: 0 10px 34px rgb(0 0 0 / .22), 0 2px 6px rgb(0 0 0 / .12);
      text-align: start; overflow-wrap: anywhere; cursor: auto; outline: none;
    }
    /* What is said in a language of the other direction reads right, and stays at its side. */
    p, h2, h3, legend, button, a, .split span, .links span, li > span { unicode-bidi: plaintext; }
    [dir=rtl] { text-align: right; }
    [dir=rtl] .split .human { text-align: left; }
    .card:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .top { display: flex; align-items: center; gap: 8px; padding: 10px 8px 0 14px; cursor: move;
      touch-action: none; user-select: none; }
    .top[dir=rtl], [dir=rtl] .top { padding: 10px 14px 0 8px; }
    .name { flex: 1; font-weight: 600; font-size: 12px; color: var(--faint); }
    .mark { inline-size: 16px; block-size: 16px; flex: none; }
    .body { padding: 4px 14px 14px; display: grid; gap: 10px; }
    h2 { margin: 0; font-size: 18px; line-height: 1.25; font-weight: 650; }
    h2.ai_generated { color: var(--ai-text); }
    h2.human_made { color: var(--human-text); }
    h3 { margin: 0 0 4px; font-size: 12px; font-weight: 600; color: var(--faint); }
    p { margin: 0; }
    .faint { color: var(--faint); font-size: 12.5px; }
    .review { padding: 8px 10px; border-radius: 8px; background: var(--raised);
      border-inline-start: 3px solid var(--accent); font-weight: 600; }
    .conflict { padding: 8px 10px; border-radius: 8px; background: var(--raised);
      border-inline-start: 3px solid var(--ai); }
    .conflict b { display: block; }
    .hint { padding: 8px 10px; border-radius: 8px; border: 1px dashed var(--line); font-size: 13px; }
    .says { font-weight: 600; }
    .says.ai_generated { color: var(--ai-text); }
    .says.human_made { color: var(--human-text); }
    .split { display: flex; justify-content: space-between; gap: 12px; font-weight: 600;
      font-size: 13px; }
    .split .ai { color: var(--ai-text); }
    .split .human { color: var(--human-text); text-align: end; }
    .bar { display: flex; gap: 2px; block-size: 8px; border-radius: 4px; overflow: hidden;
      margin-block-start: 4px; }
    .bar .ai { background: var(--ai); }
    .bar .human { background: var(--human); flex: 1; }
    ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 6px 8px;
      grid-template-columns: auto minmax(0, 1fr); align-items: baseline; }
    li { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: baseline; }
    .status { justify-self: start; font-size: 11.5px; font-weight: 600; padding: 1px 7px; border-radius: 99px;
      background: var(--raised); color: var(--faint); white-space: nowrap; }
    .status.verified { background: var(--accent); color: var(--on-accent); }
    .status.invalid { background: var(--ai-text); color: var(--paper); }
    .prompt summary { color: var(--faint); font-size: 12.5px; cursor: pointer; }
    .prompt p { padding-inline-start: 9px; border-inline-start: 2px solid var(--line);
      white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
    .row { display: flex; flex-wrap: wrap; gap: 6px; }
    button, .button { font: inherit; font-size: 13px; font-weight: 550; color: var(--ink);
      background: var(--raised); border: 1px solid var(--line); border-radius: 8px;
      padding: 5px 10px; cursor: pointer; text-decoration: none; min-block-size: 30px; }
    button:hover { border-color: var(--accent); }
    button:focus-visible, a:focus-visible, input:focus-visible, summary:focus-visible {
      outline: 2px solid var(--accent); outline-offset: 2px; }
    button[aria-pressed=true], button.first { background: var(--accent); color: var(--on-accent);
      border-color: var(--accent); }
    button.close { background: none; border: 0; padding: 0; inline-size: 30px; block-size: 30px;
      font-size: 20px; line-height: 1; color: var(--faint); }
    button[disabled] { opacity: .55; cursor: default; }
    a { color: var(--accent); }
    .links { display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: 12.5px; align-items: baseline; }
    fieldset { border: 0; margin: 0; padding: 0; display: grid; gap: 4px; }
    legend { padding: 0; font-weight: 600; margin-block-end: 2px; }
    label { display: flex; gap: 8px; align-items: baseline; }
    form { display: grid; gap: 10px; padding: 10px; border-radius: 8px; background: var(--raised); }
    .busy { display: flex; gap: 10px; align-items: center; }
    .spinner { inline-size: 18px; block-size: 18px; flex: none; border-radius: 50%;
      border: 2px solid var(--line); border-block-start-color: var(--accent);
      opacity: 0; animation: appear 0s .4s forwards, turn .9s .4s linear infinite; }
    /* Not for what is over in a moment: without a graphics card, frames cost what the check needs. */
    @keyframes appear { to { opacity: 1; } }
    @keyframes turn { to { rotate: 1turn; } }
    @media (prefers-reduced-motion: reduce) { .spinner { animation-duration: 0s, 4s; } }
    @media (forced-colors: active) {
      .bar .ai { background: Highlight; } .bar .human { background: GrayText; }
      .card { border: 2px solid CanvasText; }
    }
  `;

  const HEAT = `
    canvas { position: fixed; pointer-events: none; }
  `;

  const PICKER = `
    ${COLOURS}
    .shade { position: fixed; inset: 0; cursor: crosshair; }
    .frame { position: fixed; pointer-events: none; border: 3px solid var(--accent);
      border-radius: 4px; box-shadow: 0 0 0 2px rgb(255 255 255 / .8), 0 0 0 100vmax rgb(0 0 0 / .35); }
    .hint { position: fixed; inset-block-start: 12px; left: 50%; translate: -50% 0;
      max-inline-size: calc(100vw - 24px); padding: 8px 14px; border-radius: 99px;
      font: 550 14px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      border: 1px solid var(--line); box-shadow: 0 6px 20px rgb(0 0 0 / .25); pointer-events: none; }
  `;

  ours.styles ??= { COLOURS, CARD, HEAT, PICKER };
})();
