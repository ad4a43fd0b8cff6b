/** How badges and covers look. Every badge has the same size: a page that probes learns no verdict. */
(() => {
  const ours = (globalThis.brushmark ??= {});

  const BADGES = `
    ${ours.styles.COLOURS}
    * { box-sizing: border-box; }
    .badge {
      position: absolute; left: 0; top: 0; inline-size: 26px; block-size: 26px; padding: 0; margin: 0;
      border: 2px solid #ffffff; border-radius: 50%; cursor: pointer; pointer-events: auto;
      font: 700 11px/1 system-ui, sans-serif; color: #ffffff; background: #5d6168;
      box-shadow: 0 1px 4px rgb(0 0 0 / .45); display: grid; place-items: center; opacity: .94;
    }
    .badge:hover, .badge:focus-visible { opacity: 1; z-index: 2; }
    .badge:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
    .badge.ai_generated { background: #b8461a; border-radius: 7px; }
    .badge.human_made { background: #1a62aa; }
    .badge.not_assessed { background: #70757d; }
    .badge svg { inline-size: 15px; block-size: 15px; display: block; }
    .mark { position: absolute; inset-block-end: -5px; inset-inline-end: -5px; inline-size: 13px;
      block-size: 13px; border-radius: 50%; background: #ffffff; color: #26292e; font: 800 10px/13px
      system-ui, sans-serif; text-align: center; box-shadow: 0 0 0 1px rgb(0 0 0 / .25); }
    .tip { position: absolute; inset-block-start: 30px; left: -2px; inline-size: max-content;
      max-inline-size: 17rem; padding: 6px 10px; border-radius: 8px; pointer-events: none;
      visibility: hidden; text-align: start; color: var(--ink); background: var(--paper);
      border: 1px solid var(--line); box-shadow: 0 6px 20px rgb(0 0 0 / .3);
      font: 400 13px/1.4 system-ui, sans-serif; overflow-wrap: anywhere; }
    .tip b { display: block; font-weight: 650; }
    .tip span { display: block; color: var(--faint); }
    .badge.leftwards .tip { left: auto; right: -2px; }
    .badge.upwards .tip { inset-block: auto 30px; }
    .badge:hover .tip, .badge:focus-visible .tip { visibility: visible; }
    .cover { position: absolute; left: 0; top: 0; pointer-events: none; display: grid;
      place-items: center; overflow: hidden; padding: 8px; text-align: center; color: var(--ink);
      font: 550 14px/1.4 system-ui, sans-serif; }
    .cover.blur { backdrop-filter: blur(26px) saturate(.7); }
    .cover.hide { background: var(--raised); border: 1px dashed var(--line); }
    .cover span { padding: 5px 12px; border-radius: 99px; background: var(--paper);
      border: 1px solid var(--line); }
    .cover.tiny span { display: none; }
    .ring { position: absolute; left: 0; top: 0; pointer-events: none; border: 4px solid var(--accent);
      border-radius: 6px; box-shadow: 0 0 0 3px rgb(255 255 255 / .85); }
    [hidden] { display: none; }
    @media (forced-colors: active) {
      .badge, .cover, .tip { border: 2px solid CanvasText; background: Canvas; color: CanvasText; }
    }
  `;

  ours.styles.BADGES ??= BADGES;
})();
