// Frames made of slices that the worker paints: for browsers without WebGL, and for a quick look.
import { bytes } from "./api.js";
import { element, svg } from "./dom.js";
import { PLANES, aspect, clamp, fromPicture, planesOf, toPicture } from "./planes.js";

const KEPT = 400;
const pictures = new Map();

/** A picture's address within this page; the ones looked at last are kept. */
async function picture(path) {
  let known = pictures.get(path);
  if (known) {
    pictures.delete(path);
  } else {
    known = bytes(path).then((data) => URL.createObjectURL(new Blob([data], { type: "image/png" })));
    known.catch(() => pictures.delete(path));
  }
  pictures.set(path, known);
  if (pictures.size > KEPT) {
    const [oldest, address] = pictures.entries().next().value;
    pictures.delete(oldest);
    address.then((url) => URL.revokeObjectURL(url), () => {});
  }
  return known;
}

export class SliceFrames {
  #frames = [];
  #view;
  #state;
  #moved;

  /** @param moved called with the position that a person points at */
  constructor(view, state, moved) {
    this.#view = view;
    this.#state = state;
    this.#moved = moved;
  }

  async add(stage, { scan, mask }) {
    const frame = { stage, scan, mask, slices: new Map() };
    this.#frames.push(frame);
    this.#build(frame);
    await this.#paint(frame);
  }

  update(state) {
    const rebuilt = state.plane !== this.#state.plane;
    this.#state = state;
    for (const frame of this.#frames) {
      if (rebuilt) {
        this.#build(frame);
      }
      this.#paint(frame).catch(() => {});
    }
  }

  close() {
    this.#frames = [];
  }

  #build(frame) {
    frame.slices.clear();
    frame.stage.replaceChildren();
    frame.stage.classList.toggle("three", this.#state.plane === "all");
    for (const plane of planesOf(this.#state.plane)) {
      const scan = element("img", { class: "scan", alt: "", draggable: "false" });
      const mask = element("img", { class: "mask", alt: "", draggable: "false" });
      const across = svg("line", { class: "cross" });
      const down = svg("line", { class: "cross" });
      const picture = element(
        "div",
        { class: "slice", style: { "aspect-ratio": String(aspect(plane, this.#view)) } },
        scan,
        mask,
        element("span", { class: "side left" }, PLANES[plane].sides[0]),
        element("span", { class: "side right" }, PLANES[plane].sides[1]),
        svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" }, across, down),
      );
      const point = (event) => {
        const box = picture.getBoundingClientRect();
        const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
        this.#moved(fromPicture(plane, at, this.#state.position, this.#view.dims));
      };
      picture.addEventListener("pointerdown", (event) => {
        picture.setPointerCapture(event.pointerId);
        point(event);
      });
      picture.addEventListener("pointermove", (event) => event.buttons === 1 && point(event));
      picture.addEventListener(
        "wheel",
        (event) => {
          event.preventDefault();
          const moved = [...this.#state.position];
          moved[PLANES[plane].through] += event.deltaY > 0 ? -1 : 1;
          this.#moved(clamp(moved, this.#view.dims));
        },
        { passive: false },
      );
      frame.slices.set(plane, { scan, mask, across, down });
      frame.stage.append(picture);
    }
  }

  async #paint(frame) {
    const { position, opacity, overlay } = this.#state;
    const jobs = [];
    for (const [plane, parts] of frame.slices) {
      const slice = position[PLANES[plane].through];
      const [x, y] = toPicture(plane, position, this.#view.dims);
      setLine(parts.across, 0, 100 * y, 100, 100 * y);
      setLine(parts.down, 100 * x, 0, 100 * x, 100);
      parts.mask.style.setProperty("opacity", overlay && frame.mask ? String(opacity) : "0");
      jobs.push(show(parts.scan, `${frame.scan}/slices/${plane}/${slice}`));
      if (frame.mask) {
        jobs.push(show(parts.mask, `${frame.mask}/slices/${plane}/${slice}`));
      }
    }
    await Promise.all(jobs);
  }
}

function setLine(line, x1, y1, x2, y2) {
  Object.entries({ x1, y1, x2, y2 }).forEach(([name, value]) => line.setAttribute(name, value.toFixed(2)));
}

/** Slices may come out of order while somebody scrolls: only the one asked for last is shown. */
async function show(image, path) {
  image.dataset.path = path;
  const address = await picture(path);
  if (image.dataset.path === path && image.src !== address) {
    image.src = address;
    await image.decode().catch(() => {});
  }
}
