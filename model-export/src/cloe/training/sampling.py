"""Training patches with random modalities missing and now and then one spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloe.specification import subsets
from cloe.training.corruption import Corruption, corrupt
from cloe.training.pool import PoolCase

TUMOUR_SHARE = 0.75
"""Share of patches centred near a tumour voxel; the rest lie anywhere in the brain's box."""

CLIP = 5.0


@dataclass(frozen=True)
class Sample:
    """One training patch.

    Attributes
    ----------
    volumes
        float32 ``[k, z, y, x]``, the drawn modalities in bundle order.
    labels
        uint8 (z, y, x) channel indices.
    subset
        Indices of the drawn modalities.
    trusted
        ``[k]`` bool, false for a spoilt modality.
    """

    volumes: np.ndarray
    labels: np.ndarray
    subset: tuple[int, ...]
    trusted: np.ndarray


@dataclass(frozen=True)
class Sampling:
    """How patches are drawn.

    Parameters
    ----------
    modalities
        Number of modalities; every non-empty subset is equally likely.
    corruption
        Probability that one of several drawn modalities is spoilt.
    flip
        Probability of a mirror along each axis.
    """

    modalities: int = 4
    corruption: float = 0.3
    flip: float = 0.5


def draw_sample(random: np.random.Generator, pool: Sequence[PoolCase], size: int, sampling: Sampling) -> Sample:
    """Draw one patch of ``size`` voxels per axis."""
    choices = list(subsets(sampling.modalities))
    subset = choices[random.integers(len(choices))]
    case = pool[random.integers(len(pool))]
    corner = _corner(random, case, size)
    volumes, labels = _cut(case, subset, corner, size)
    trusted = np.ones(len(subset), bool)
    for channel in range(len(subset)):
        brain = volumes[channel] != 0
        change = random.uniform(0.9, 1.1) * volumes[channel] + random.uniform(-0.1, 0.1)
        volumes[channel] = np.where(brain, change, 0.0)
    if len(subset) > 1 and random.uniform() < sampling.corruption:
        channel = int(random.integers(len(subset)))
        kind = list(Corruption)[random.integers(len(Corruption))]
        other = None
        if kind is Corruption.SWAP:
            stranger = pool[random.integers(len(pool))]
            other = _cut(stranger, subset[channel : channel + 1], _corner(random, stranger, size), size)[0][0]
        volumes[channel] = corrupt(random, volumes[channel], kind, other)
        trusted[channel] = False
    for axis in range(3):
        if random.uniform() < sampling.flip:
            volumes = np.flip(volumes, axis + 1)
            labels = np.flip(labels, axis)
    return Sample(np.ascontiguousarray(volumes), np.ascontiguousarray(labels), subset, trusted)


def _corner(random: np.random.Generator, case: PoolCase, size: int) -> tuple[int, ...]:
    shape = case.labels.shape
    if len(case.tumour) and random.uniform() < TUMOUR_SHARE:
        centre = case.tumour[random.integers(len(case.tumour))] + random.integers(-size // 3, size // 3 + 1, 3)
        low = centre - size // 2
    else:
        low = np.array([random.integers(0, max(1, extent - size + 1)) for extent in shape])
    return tuple(int(np.clip(start, 0, max(0, extent - size))) for start, extent in zip(low, shape, strict=True))


def _cut(case: PoolCase, subset: Sequence[int], corner: Sequence[int], size: int) -> tuple[np.ndarray, np.ndarray]:
    window = tuple(slice(start, start + size) for start in corner)
    raw = np.stack([case.images[(modality, *window)] for modality in subset]).astype(np.float32)
    index = list(subset)
    scaled = (raw - case.mean[index, None, None, None]) / np.maximum(case.deviation[index, None, None, None], 1e-8)
    volumes = np.where(raw != 0, np.clip(scaled, -CLIP, CLIP), 0.0).astype(np.float32)
    labels = np.asarray(case.labels[window])
    missing = [(0, size - extent) for extent in labels.shape]
    return np.pad(volumes, [(0, 0), *missing]), np.pad(labels, missing)
