// Positions are [x, y, z] in voxels: to the patient's left, to the back, to the top; as the worker counts its slices.

export const PLANES = {
  axial: { across: 0, down: 1, through: 2, upsideDown: false, label: "Axial", key: "a", sides: ["R", "L"] },
  coronal: { across: 0, down: 2, through: 1, upsideDown: true, label: "Coronal", key: "c", sides: ["R", "L"] },
  sagittal: { across: 1, down: 2, through: 0, upsideDown: true, label: "Sagittal", key: "s", sides: ["A", "P"] },
};

/** The planes that a choice shows. */
export const planesOf = (choice) => (choice === "all" ? Object.keys(PLANES) : [choice]);

export function clamp(position, dims) {
  return position.map((at, axis) => Math.max(0, Math.min(dims[axis] - 1, Math.round(at))));
}

/** Where a position lies in a plane's picture, as parts of its width and height. */
export function toPicture(plane, position, dims) {
  const { across, down, upsideDown } = PLANES[plane];
  const x = (position[across] + 0.5) / dims[across];
  const y = (position[down] + 0.5) / dims[down];
  return [x, upsideDown ? 1 - y : y];
}

/** The position under a point of a plane's picture; the slice stays. */
export function fromPicture(plane, [x, y], position, dims) {
  const { across, down, upsideDown } = PLANES[plane];
  const moved = [...position];
  moved[across] = Math.floor(x * dims[across]);
  moved[down] = Math.floor((upsideDown ? 1 - y : y) * dims[down]);
  return clamp(moved, dims);
}

/** Width over height of a plane's picture in the patient. */
export function aspect(plane, { dims, spacingMm }) {
  const { across, down } = PLANES[plane];
  return (dims[across] * spacingMm[across]) / (dims[down] * spacingMm[down]);
}
