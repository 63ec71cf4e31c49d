"""A labelled study as training takes it, and its change of resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

INT16_MAX = 32767
BRIGHTEST = 16000
"""Where the 99.9th percentile of a floating-point volume lands when it is stored as int16."""

SMOOTHING = 0.4
"""Deviation of the low-pass before coarsening, in voxels of the coarse grid."""


@dataclass(frozen=True)
class LabelledCase:
    """One study on one grid.

    Attributes
    ----------
    name
        Of the study, for messages.
    images
        float32 ``[K, z, y, x]``, modalities in bundle order, 0 outside the head or brain.
    labels
        uint8 (z, y, x), channel indices of the specification.
    spacing
        Millimetres per voxel along z, y, x.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    spacing: tuple[float, float, float]


def as_int16(image: np.ndarray) -> np.ndarray:
    """Store a volume in 16 bits: whole numbers unchanged, others scaled; a nonzero voxel never becomes 0.

    Training normalises every volume by its mean and deviation, so that the scale is of no consequence.
    """
    image = np.where(np.isfinite(image), image, 0.0)
    whole = np.array_equal(image, np.rint(image))
    if not whole or np.abs(image).max(initial=0.0) > INT16_MAX:
        nonzero = np.abs(image[image != 0])
        image = image * (BRIGHTEST / np.percentile(nonzero, 99.9)) if nonzero.size else image
    rounded = np.clip(np.rint(image), -INT16_MAX, INT16_MAX)
    rounded = np.where((image != 0) & (rounded == 0), np.sign(image), rounded)
    return rounded.astype(np.int16)


def resample(case: LabelledCase, spacing: float) -> LabelledCase:
    """Bring a case to cubic voxels of ``spacing`` mm: images linearly after a low-pass, labels by majority."""
    factors = [own / spacing for own in case.spacing]
    if all(abs(factor - 1.0) < 1e-3 for factor in factors):
        return case
    deviation = [SMOOTHING / factor if factor < 1.0 else 0.0 for factor in factors]
    brain = (case.images != 0).any(0).astype(np.float32)
    inside = _zoom(brain, factors) >= 0.5
    images = []
    for image in case.images:
        # Divided by the smoothed mask, the brain's border does not fade into the zeros around it.
        values = ndimage.gaussian_filter(image.astype(np.float32), deviation)
        support = ndimage.gaussian_filter((image != 0).astype(np.float32), deviation)
        images.append(np.where(inside, _zoom(values / np.maximum(support, 1e-3), factors), 0.0))
    present = [int(value) for value in np.unique(case.labels)]
    shares = np.stack([_zoom((case.labels == value).astype(np.float32), factors) for value in present])
    labels = np.array(present, np.uint8)[shares.argmax(0)]
    return LabelledCase(case.name, np.stack(images).astype(np.float32), np.where(inside, labels, 0), (spacing,) * 3)


def _zoom(volume: np.ndarray, factors: list[float]) -> np.ndarray:
    return ndimage.zoom(volume, factors, order=1, grid_mode=True, mode="nearest")
