/** What picture an element shows, and from which addresses it can be had, best first. */
(() => {
  const ours = (globalThis.brushmark ??= {});
  const { srcset } = ours;

  // Where lazy-loading scripts keep the address until the picture scrolls into view.
  const LAZY = [
    "data-src", "data-original", "data-lazy-src", "data-lazy", "data-url", "data-image",
    "data-full", "data-large", "data-hi-res-src", "data-zoom-image", "data-orig-file",
  ];
  const LAZY_SETS = ["data-srcset", "data-lazy-srcset", "data-original-set"];
  const PICTURE_FILE = /\.(avif|gif|jpe?g|jfif|png|webp)$/i;
  const SMALL_PX = 640;
  const SELECTOR = "img, picture, image, video, canvas, input[type=image], object, embed";

  /**
   * Describe the picture that an element shows.
   * @returns {{element: Element, kind: string, candidates: {address: string, how: string}[]} | null}
   */
  function pictureOf(element) {
    const candidates = tidy(READERS[element.localName]?.(element) ?? []);
    return candidates.length > 0
      ? { element, kind: element.localName, candidates }
      : styledPictureOf(element);
  }

  /** Describe the picture that styles draw on an element, whatever else it shows. */
  function styledPictureOf(element) {
    const candidates = tidy(backgroundsOf(element));
    return candidates.length > 0 ? { element, kind: "background", candidates } : null;
  }

  const READERS = {
    img: imageCandidates,
    picture: (element) => {
      const image = element.querySelector("img");
      return image ? imageCandidates(image) : [];
    },
    image: (element) => plain(element.href?.baseVal, "svg"),
    input: (element) => (element.type === "image" ? plain(element.src, "picture") : []),
    object: (element) => (/^image\//.test(element.type) ? plain(element.data, "picture") : []),
    embed: (element) => (/^image\//.test(element.type) ? plain(element.src, "picture") : []),
    video: (element) => [...plain(element.poster, "poster"), { address: "", how: "frame" }],
    canvas: () => [{ address: "", how: "canvas" }],
  };

  const plain = (address, how) => (address ? [{ address, how }] : []);

  function imageCandidates(image) {
    const sized = srcset.largestFirst([...pictureSources(image), ...setOf(image, "srcset")]);
    const shown = plain(image.currentSrc || image.src, "picture");
    const lazy = lazyCandidates(image);
    const sets = sized.map(({ url }) => ({ address: url, how: "picture" }));
    const linked = linkedPicture(image);
    return isPlaceholder(image)
      ? [...lazy, ...linked, ...sets, ...(isBlank(image) ? [] : shown)]
      : [...linked, ...sets, ...shown, ...lazy];
  }

  function pictureSources(image) {
    const picture = image.parentElement;
    if (picture?.localName !== "picture") return [];
    // A source for another kind of screen may be another picture altogether.
    const fits = (source) => !source.media || matchMedia(source.media).matches;
    return [...picture.children]
      .filter((child) => child.localName === "source" && fits(child))
      .flatMap((source) => [...setOf(source, "srcset"), ...LAZY_SETS.flatMap((n) => setOf(source, n))]);
  }

  const setOf = (element, name) => srcset.parse(element.getAttribute(name) ?? "");

  function lazyCandidates(image) {
    const sets = srcset.largestFirst(LAZY_SETS.flatMap((name) => setOf(image, name)));
    const alone = LAZY.map((name) => image.getAttribute(name)?.trim()).filter(looksLikeAddress);
    return [...sets.map(({ url }) => url), ...alone].map((address) => ({ address, how: "lazy" }));
  }

  const looksLikeAddress = (text) => Boolean(text) && !/\s/.test(text) && /[./]/.test(text);

  // A small picture that links straight to a picture file is a thumbnail of it, as a rule; the
  // worker compares their shapes before it believes so.
  function linkedPicture(image) {
    const link = ours.dom.closest(image, "a[href]");
    if (!link || typeof link.href !== "string" || !isSmall(image)) return [];
    const url = parsed(link.href);
    if (!url || !/^https?:$/.test(url.protocol) || !PICTURE_FILE.test(url.pathname)) return [];
    const shape = image.naturalHeight > 0 ? image.naturalWidth / image.naturalHeight : null;
    return shape ? [{ address: url.href, how: "linked", shape }] : [];
  }

  const isSmall = ({ naturalWidth, naturalHeight }) =>
    Math.max(naturalWidth, naturalHeight) < SMALL_PX;

  /** Tell whether an image shows nothing: a spacer, or one that failed to load. */
  function isBlank(image) {
    return image.complete && image.naturalWidth * image.naturalHeight <= 4;
  }

  // Blank, or a blurred stand-in much smaller than where it is shown.
  function isPlaceholder(image) {
    if (isBlank(image) || !image.complete) return true;
    return image.naturalWidth > 0 && image.naturalWidth * 4 < image.clientWidth;
  }

  // Backgrounds, borders and `content`, also of what stands before and after.
  function backgroundsOf(element) {
    const found = [];
    for (const pseudo of [null, "::before", "::after"]) {
      const style = getComputedStyle(element, pseudo);
      for (const value of [style.backgroundImage, style.content, style.borderImageSource]) {
        for (const address of stylesAddresses(value)) found.push({ address, how: "background" });
      }
    }
    return found;
  }

  /** Read the addresses in a computed style: url("…"), and image-set's with the densest first. */
  function stylesAddresses(value) {
    if (!value || !value.includes("url(")) return [];
    const each = /url\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^)"']*)\s*\)(?:\s+([\d.]+)(dppx|x))?/g;
    const found = Array.from(value.matchAll(each), ([, quoted, density]) => ({
      url: unquoted(quoted),
      width: null,
      density: density ? parseFloat(density) : 1,
    }));
    return srcset.largestFirst(found.filter(({ url }) => url && !/^#/.test(url)))
      .map(({ url }) => url);
  }

  const unquoted = (text) => text.trim().replace(/^(["'])(.*)\1$/s, "$2").replace(/\\(.)/gs, "$1");

  function tidy(candidates) {
    const seen = new Set();
    // What an empty or a fragment's address leads to; in a tab of its own that is the picture itself.
    const page = document.contentType?.startsWith("image/") ? null : location.href.split("#")[0];
    return candidates
      .map((each) => ({ ...each, address: each.address && (parsed(each.address)?.href ?? "") }))
      .filter(({ address, how }) => address || how === "frame" || how === "canvas")
      .filter(({ address }) => !address || address.split("#")[0] !== page)
      .filter(({ address }) => !address || (!seen.has(address) && seen.add(address)));
  }

  function parsed(address) {
    try {
      return new URL(address, document.baseURI);
    } catch {
      return null;
    }
  }

  ours.sources ??= { SELECTOR, pictureOf, styledPictureOf, stylesAddresses, isBlank };
})();
