"""Writes preprocessing_golden.json: steps 1 to 3 and 6 of BUNDLE.md by nibabel and numpy, for the Java tests.

Run with nibabel 5.4 and numpy 2 installed: ``python preprocessing_golden.py > preprocessing_golden.json``.
Voxels follow a formula that both sides compute, so the file holds no volumes.
"""

import json

import numpy as np
from nibabel import orientations

CASES = [
    # Storage order, rotation about an axis, shear: nearest axis codes have something to decide.
    dict(name="LPS as it is", dims=[20, 18, 16], affine=[[-1, 0, 0, 90], [0, -1, 0, 80], [0, 0, 1, -70]],
         orientation="LPS", window=[8, 8, 8], low=[3, 2, 4], high=[17, 15, 13]),
    dict(name="LIA to LPS, box below the window", dims=[24, 20, 22],
         affine=[[-1.5, 0.1, 0.05, 9], [0.05, -0.2, 2.0, -8], [0.1, -1.2, -0.15, 7]],
         orientation="LPS", window=[16, 16, 16], low=[1, 12, 9], high=[12, 19, 14]),
    dict(name="RAS to PIR, volume below the window", dims=[10, 9, 30],
         affine=[[0.9, 0, 0, 0], [0, 0.9, 0, 0], [0, 0, 5.5, 0]],
         orientation="PIR", window=[16, 24, 8], low=[2, 1, 3], high=[9, 8, 29]),
    dict(name="oblique with shear", dims=[17, 19, 23],
         affine=[[0.8, -0.7, 0.0, 3], [0.75, 0.9, 0.35, -4], [0.1, -0.2, -1.6, 5]],
         orientation="LPS", window=[8, 16, 24], low=[0, 0, 0], high=[5, 19, 23]),
    dict(name="low clip, box at the high end", dims=[30, 30, 12],
         affine=[[0, 1, 0, 0], [0, 0, -1, 0], [-1, 0, 0, 0]],
         orientation="RAS", window=[16, 16, 16], low=[25, 26, 9], high=[30, 30, 12], clip=1.25),
]


def voxels(dims, low, high, channel):
    """Values from -9 to 31 inside the box, some of them 0; 0 outside."""
    i, j, k = np.meshgrid(*[np.arange(d) for d in dims], indexing="ij")
    value = (7 * i + 13 * j * (channel + 1) + 29 * k + 5 * channel + i * j * k) % 41 - 9
    inside = np.ones(dims, bool)
    for axis, index in enumerate((i, j, k)):
        inside &= (index >= low[axis] + channel) & (index < high[axis])
    return np.where(inside, value, 0).astype(np.float32)


def expected(case):
    affine = np.vstack([np.array(case["affine"], float), [0, 0, 0, 1]])
    there = orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt(tuple(case["orientation"])))
    originals = [voxels(case["dims"], case["low"], case["high"], c) for c in range(2)]
    turned = [np.ascontiguousarray(orientations.apply_orientation(v, there).T) for v in originals]
    brain = (turned[0] != 0) | (turned[1] != 0)
    slices, padding = [], []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(brain.any(axis=others))
        low, high, size, window = hit[0], hit[-1] + 1, brain.shape[axis], case["window"][axis]
        if high - low < window:
            low = low - (window - (high - low)) // 2
            low = max(0, min(low, size - window))
            high = low + window
        slices.append(slice(low, min(high, size)))
        padding.append((0, max(0, high - size)))
    crop_brain = np.pad(brain[tuple(slices)], padding)
    channels = []
    for volume in turned:
        inside = volume[brain].astype(np.float64)
        scored = ((volume.astype(np.float64) - inside.mean()) / max(inside.std(), 1e-8)).astype(np.float32)
        scored = np.clip(scored, -case["clip"], case["clip"])
        scored[~brain] = 0
        channels.append(np.pad(scored[tuple(slices)], padding))
    labels = ((3 * np.arange(crop_brain.size) + np.arange(crop_brain.size) // 7) % 4).reshape(crop_brain.shape)
    full = np.zeros(brain.shape, np.uint8)
    full[tuple(slices)] = labels[tuple(slice(0, s.stop - s.start) for s in slices)]
    back = orientations.ornt_transform(
        orientations.axcodes2ornt(tuple(case["orientation"])), orientations.io_orientation(affine))
    restored = orientations.apply_orientation(full.T, back)
    assert restored.shape == tuple(case["dims"])
    weights = np.arange(crop_brain.size) % 101
    return dict(
        stored="".join(orientations.aff2axcodes(affine)),
        shape=list(crop_brain.shape),
        brain=int(crop_brain.sum()),
        brainIndexSum=int(np.flatnonzero(crop_brain.ravel()).sum()),
        samples=[[float(c.ravel()[i]) for i in range(0, c.size, 97)] for c in channels],
        weightedSums=[float((c.ravel().astype(np.float64) * weights).sum()) for c in channels],
        restored=[int(v) for v in restored.ravel(order="F")[::31]],
        restoredSum=int((restored.ravel(order="F").astype(np.int64) * (np.arange(restored.size) % 103)).sum()))


for case in CASES:
    case.setdefault("clip", 5.0)
    case["expected"] = expected(case)
print(json.dumps(CASES))
