"""From volumes on one grid to normalised windows' input (``BUNDLE.md``, steps 1 to 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMALLEST_DEVIATION = 1e-8


@dataclass(frozen=True)
class Crop:
    """Normalised crop around the brain.

    Attributes
    ----------
    volumes
        float32 ``[k, z, y, x]``, at least a window along each axis.
    brain
        Mask (z, y, x) of the crop.
    low
        Index of the crop's corner in the volume.
    extent
        Voxels of the crop that lie in the volume; beyond them is padding.
    """

    volumes: np.ndarray
    brain: np.ndarray
    low: tuple[int, int, int]
    extent: tuple[int, int, int]


def finite(volume: np.ndarray) -> np.ndarray:
    """Replace non-finite voxels by 0; float32."""
    return np.where(np.isfinite(volume), volume, 0.0).astype(np.float32)


def widen(low: int, high: int, window: int, size: int) -> tuple[int, int]:
    """Widen ``[low, high)`` to at least a window, kept inside ``[0, size)`` where that is possible."""
    need = window - (high - low)
    if need <= 0:
        return low, high
    low -= need // 2
    low = max(0, min(low, size - window))
    return low, min(low + window, size)


def crop_and_normalise(volumes: Sequence[np.ndarray], window: Sequence[int], clip: float) -> Crop:
    """Crop to the brain and bring each volume to z-scores.

    Parameters
    ----------
    volumes
        The modalities in use, (z, y, x) each, in the bundle's orientation, on one grid.
    window
        (z, y, x) voxels.
    clip
        Largest absolute z-score.

    Raises
    ------
    ValueError
        If shapes differ or no voxel is nonzero.
    """
    stacked = [finite(volume) for volume in volumes]
    if len({volume.shape for volume in stacked}) != 1:
        raise ValueError("the volumes of a study share one grid")
    brain = np.logical_or.reduce([volume != 0 for volume in stacked])
    if not brain.any():
        raise ValueError("no voxel is nonzero in any volume used")
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(brain.any(axis=others))
        box.append(widen(int(filled[0]), int(filled[-1]) + 1, window[axis], brain.shape[axis]))
    inner = tuple(slice(low, high) for low, high in box)
    missing = [(0, max(0, size - (high - low))) for (low, high), size in zip(box, window, strict=True)]
    normalised = np.stack([_normalise(volume, brain, inner, clip) for volume in stacked])
    low_z, low_y, low_x = (low for low, _ in box)
    size_z, size_y, size_x = (high - low for low, high in box)
    return Crop(
        np.pad(normalised, [(0, 0), *missing]),
        np.pad(brain[inner], missing),
        (low_z, low_y, low_x),
        (size_z, size_y, size_x),
    )


def _normalise(volume: np.ndarray, brain: np.ndarray, inner: tuple[slice, ...], clip: float) -> np.ndarray:
    values = volume[brain].astype(np.float64)
    mean, deviation = values.mean(), max(values.std(), SMALLEST_DEVIATION)
    scaled = ((volume[inner].astype(np.float64) - mean) / deviation).astype(np.float32)
    return np.where(brain[inner], np.clip(scaled, -clip, clip), np.float32(0.0))
