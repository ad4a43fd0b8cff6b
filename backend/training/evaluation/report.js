"use strict";
// Draws every chart from the JSON beside it, in the colours of the theme that is on.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const twins = Object.entries(JSON.parse(document.getElementById("palette").textContent));
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  const themed = (text) => {
    const figure = JSON.parse(
      isDark() ? twins.reduce((t, [light, twin]) => t.replaceAll(light, twin), text) : text,
    );
    const { layout } = figure;
    layout.font = { color: colour("--text"), family: "system-ui, sans-serif", size: 13 };
    layout.hoverlabel = {
      bgcolor: colour("--card"),
      bordercolor: colour("--line"),
      font: { color: colour("--text") },
    };
    for (const axis of [layout.xaxis, layout.yaxis]) {
      Object.assign(axis, { gridcolor: colour("--line"), linecolor: colour("--line") });
    }
    return figure;
  };

  const draw = () => {
    for (const data of document.querySelectorAll("script[data-chart]")) {
      const figure = themed(data.textContent);
      Plotly.react(data.dataset.chart, figure.data, figure.layout, {
        responsive: true,
        displaylogo: false,
        displayModeBar: false,
      });
    }
  };

  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    draw();
  });
  dark.addEventListener("change", draw);
  draw();
})();
