/** `srcset`: reading it, and which of its candidates is the largest. No DOM. */
(() => {
  const ours = (globalThis.brushmark ??= {});

  /**
   * Read a srcset attribute as the HTML standard does.
   * https://html.spec.whatwg.org/multipage/images.html#parsing-a-srcset-attribute
   * @returns {{url: string, width: number | null, density: number | null}[]} in the order given;
   *   what cannot be read is left out.
   */
  function parse(text) {
    const found = [];
    let rest = text;
    while ((rest = rest.replace(/^[\s,]+/, "")) !== "") {
      let [url] = /^\S+/.exec(rest);
      rest = rest.slice(url.length);
      let descriptors = "";
      if (url.endsWith(",")) {
        url = url.replace(/,+$/, "");
      } else {
        [descriptors] = /^(\([^)]*\)?|[^,(])*/.exec(rest);
        rest = rest.slice(descriptors.length);
      }
      const candidate = describe(url, descriptors.trim());
      if (candidate) found.push(candidate);
    }
    return found;
  }

  function describe(url, descriptors) {
    let width = null;
    let density = null;
    for (const part of descriptors.split(/\s+/).filter(Boolean)) {
      if (/^\d+w$/.test(part)) width = parseInt(part, 10);
      else if (/^\d*\.?\d+(e[+-]?\d+)?x$/i.test(part)) density = parseFloat(part);
      else if (!/^\d+h$/.test(part)) return null;
    }
    return width === 0 ? null : { url, width, density };
  }

  /**
   * Sort candidates largest first: by width where widths are told, else by density. An address
   * stands once.
   */
  function largestFirst(candidates) {
    const size = ({ width, density }) => width ?? (density ?? 1) / 1e6;
    const sorted = [...candidates].sort((a, b) => size(b) - size(a));
    const seen = new Set();
    return sorted.filter(({ url }) => !seen.has(url) && seen.add(url));
  }

  ours.srcset ??= { parse, largestFirst };
})();
