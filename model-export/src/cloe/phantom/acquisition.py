"""What a scanner does to a contrast: blur, thick slices, gamma, bias field, noise, gain (data notes 2.3)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cloe.phantom.noise import enlarge

BLUR_MM = 0.5
SLICE_THICKNESS_MM = (1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0)
INT16_MAX = 32767

DEGRADED = 0.10
"""Share of the scans of poor quality: blurred, noisy, ghosted, strong bias field, badly registered."""

MISREGISTERED = 0.3
"""Share of the scans that are not quite where the others are."""


def acquire(random: np.random.Generator, image: np.ndarray, brain: np.ndarray, spacing: float) -> np.ndarray:
    """Turn an ideal contrast into a scan.

    Parameters
    ----------
    random
        Source of all draws; every contrast of a case is acquired independently.
    image
        float32 (z, y, x), about 0 to 1.5.
    brain
        Mask; the scan is 0 outside and at least 1 inside, as skull-stripped data are.
    spacing
        Millimetres per voxel.

    Returns
    -------
    np.ndarray
        int16 (z, y, x).
    """
    degraded = random.uniform() < DEGRADED
    blur = BLUR_MM + (random.uniform(0.5, 1.5) if degraded else 0.0)
    scan = ndimage.gaussian_filter(image, blur / spacing, truncate=3.0)
    thickness = SLICE_THICKNESS_MM[random.integers(len(SLICE_THICKNESS_MM))]
    scan = _thick_slices(scan, round(thickness / spacing))
    if random.uniform() < MISREGISTERED:
        # Imperfect registration of the contrasts: up to about a millimetre, now and then more.
        jitter = random.normal(0.0, 2.0 if degraded else 0.5, 3)
        scan = ndimage.shift(scan, jitter / spacing, order=1)
    if degraded and random.uniform() < 0.5:
        scan = _ghost(random, scan)
    scan = np.clip(scan, 0.0, None) ** np.float32(random.uniform(0.85, 1.2))
    scan *= np.exp(enlarge(random.normal(0.0, 0.25 if degraded else 0.12, (4, 4, 4)), scan.shape))
    deviation = np.float32(random.uniform(0.05, 0.20) if degraded else random.uniform(0.01, 0.05))
    real = scan + deviation * random.standard_normal(scan.shape, np.float32)
    scan = np.sqrt(real**2 + (deviation * random.standard_normal(scan.shape, np.float32)) ** 2)
    gain = np.float32(random.uniform(300.0, 3000.0))
    scan = np.where(brain, np.clip(np.rint(scan * gain), 1, INT16_MAX), 0)
    return scan.astype(np.int16)


def _ghost(random: np.random.Generator, scan: np.ndarray) -> np.ndarray:
    """Motion during the scan: faint copies shifted along the phase direction."""
    axis = int(random.integers(1, 3))
    shift = int(random.integers(scan.shape[axis] // 8, scan.shape[axis] // 3))
    strength = np.float32(random.uniform(0.05, 0.2))
    return scan + strength * (np.roll(scan, shift, axis) + np.roll(scan, -shift, axis))


def _thick_slices(scan: np.ndarray, count: int) -> np.ndarray:
    if count <= 1:
        return scan
    thick = ndimage.uniform_filter1d(scan, count, axis=0)[count // 2 :: count]
    return (
        thick.repeat(count, axis=0)[: scan.shape[0]]
        if len(thick) * count >= scan.shape[0]
        else np.concatenate(
            [thick.repeat(count, axis=0), np.repeat(thick[-1:], scan.shape[0] - len(thick) * count, axis=0)]
        )
    )
