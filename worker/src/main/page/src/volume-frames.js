// Frames drawn by NiiVue, which holds whole volumes and so scrolls without asking the worker. Needs WebGL 2.
import { MULTIPLANAR_TYPE, NVImage, Niivue, SLICE_TYPE } from "@niivue/niivue";
import { bytes } from "./api.js";
import { element } from "./dom.js";
import { clamp } from "./planes.js";

const TYPES = {
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  all: SLICE_TYPE.MULTIPLANAR,
};
const MASK = 1;

/** NiiVue counts from 0 to 1 to the patient's right, front and top. */
function toFraction(position, dims) {
  const [x, y, z] = position.map((at, axis) => (at + 0.5) / dims[axis]);
  return [1 - x, 1 - y, z];
}

function fromFraction([right, front, top], dims) {
  const parts = [1 - right, 1 - front, top];
  return clamp(parts.map((part, axis) => part * dims[axis] - 0.5), dims);
}

export class VolumeFrames {
  #frames = [];
  #view;
  #state;
  #moved;

  constructor(view, state, moved) {
    this.#view = view;
    this.#state = state;
    this.#moved = moved;
  }

  async add(stage, { scan, mask, labels, name }) {
    const canvas = element("canvas", { "aria-label": `${name}, slices` });
    stage.classList.remove("three");
    stage.replaceChildren(element("div", { class: "canvas-box" }, canvas));
    const viewer = new Niivue({
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.62, 0.7, 0.78, 0.7],
      crosshairWidth: 0.8,
      crosshairWidthUnit: "percent",
      isOrientationTextVisible: true,
      fontColor: [0.62, 0.7, 0.78, 1],
      show3Dcrosshair: false,
      multiplanarLayout: MULTIPLANAR_TYPE.ROW,
      multiplanarShowRender: 0,
      isNearestInterpolation: false,
      dragAndDropEnabled: false,
      loadingText: "",
      logLevel: "error",
    });
    const frame = { viewer, quiet: true };
    this.#frames.push(frame);
    await viewer.attachToCanvas(canvas);
    const [scanBytes, maskBytes] = await Promise.all([
      bytes(`${scan}/volume`),
      mask ? bytes(`${mask}/mask`) : Promise.resolve(null),
    ]);
    viewer.addVolume(
      await NVImage.loadFromUrl({ url: "scan.nii.gz", name: "scan.nii.gz", buffer: scanBytes, cal_min: 0, cal_max: 255 }),
    );
    if (maskBytes) {
      const image = await NVImage.loadFromUrl({ url: "mask.nii.gz", name: "mask.nii.gz", buffer: maskBytes });
      image.setColormapLabel(colours(labels));
      viewer.addVolume(image);
      frame.mask = true;
    }
    viewer.setInterpolation(false);
    viewer.onLocationChange = (location) => {
      if (!frame.quiet) {
        this.#moved(fromFraction([...location.frac].slice(0, 3), this.#view.dims));
      }
    };
    this.#apply(frame);
  }

  update(state) {
    this.#state = state;
    this.#frames.forEach((frame) => this.#apply(frame));
  }

  #apply(frame) {
    const { viewer } = frame;
    if (viewer.volumes.length === 0) {
      return;
    }
    frame.quiet = true;
    viewer.opts.sliceType === TYPES[this.#state.plane] || viewer.setSliceType(TYPES[this.#state.plane]);
    if (frame.mask) {
      const opacity = this.#state.overlay ? this.#state.opacity : 0;
      if (viewer.volumes[MASK].opacity !== opacity) {
        viewer.setOpacity(MASK, opacity);
      }
    }
    viewer.scene.crosshairPos = toFraction(this.#state.position, this.#view.dims);
    viewer.drawScene();
    frame.quiet = false;
  }

  close() {
    for (const { viewer } of this.#frames) {
      viewer.onLocationChange = () => {};
      viewer.cleanup();
      viewer.gl?.getExtension("WEBGL_lose_context")?.loseContext();
    }
    this.#frames = [];
  }
}

function colours(labels) {
  const entries = labels.map(({ value, name, colour }) => ({
    value,
    name,
    rgb: [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)),
  }));
  return {
    R: [0, ...entries.map(({ rgb }) => rgb[0])],
    G: [0, ...entries.map(({ rgb }) => rgb[1])],
    B: [0, ...entries.map(({ rgb }) => rgb[2])],
    A: [0, ...entries.map(() => 255)],
    I: [0, ...entries.map(({ value }) => value)],
    labels: ["", ...entries.map(({ name }) => name)],
  };
}
