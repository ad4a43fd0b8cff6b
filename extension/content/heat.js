/** The heat map, laid over its picture for as long as the user wants to see it. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { elements, geometry, styles } = ours;
  let shown = null;

  /** Lay a heat map over an element. @param {string} png base64. */
  async function show(ticket, target, png) {
    hide();
    const image = await createImageBitmap(new Blob([ours.read.fromBase64(png)]));
    const canvas = elements.element("canvas", {
      width: image.width, height: image.height, role: "img",
      "aria-label": ours.words.word("heatmapLabel"),
    });
    canvas.getContext("2d").drawImage(image, 0, 0);
    const { host, shadow } = elements.host(styles.HEAT, target);
    host.style.setProperty("pointer-events", "none", "important");
    shadow.append(canvas);
    shown = { ticket, host, canvas, target, image };
    follow();
  }

  // Pictures move with scrolling, layout and zoom: as long as it is shown, it is asked where.
  function follow() {
    if (!shown) return;
    const { canvas, target, image } = shown;
    if (!target.isConnected) return hide();
    const box = boxOf(target, image);
    Object.assign(canvas.style, {
      left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px`,
      clipPath: clip(box, target.getBoundingClientRect()),
    });
    requestAnimationFrame(follow);
  }

  function boxOf(target, image) {
    const outer = target.getBoundingClientRect();
    const style = getComputedStyle(target);
    const side = (name) => parseFloat(style[`padding${name}`]) + parseFloat(style[`border${name}Width`]);
    const inner = {
      left: outer.left + side("Left"),
      top: outer.top + side("Top"),
      width: outer.width - side("Left") - side("Right"),
      height: outer.height - side("Top") - side("Bottom"),
    };
    if (/^(img|video|canvas)$/.test(target.localName)) {
      return geometry.drawnBox(inner, image, style.objectFit, style.objectPosition);
    }
    const fit = { cover: "cover", contain: "contain" }[style.backgroundSize] ?? "fill";
    return geometry.drawnBox(inner, image, fit, style.backgroundPosition);
  }

  // What overflows the element's box, as with “cover”, is not seen of the picture either.
  function clip(box, outer) {
    const cut = (value) => `${Math.max(0, value)}px`;
    return `inset(${cut(outer.top - box.top)} ${cut(box.left + box.width - outer.right)} `
      + `${cut(box.top + box.height - outer.bottom)} ${cut(outer.left - box.left)})`;
  }

  function hide(ticket = shown?.ticket) {
    if (!shown || shown.ticket !== ticket) return;
    shown.host.remove();
    shown = null;
  }

  ours.heat ??= { show, hide };
})();
