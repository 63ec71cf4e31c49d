"""Training patches with random modalities missing and now and then one spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from cloe.specification import subsets
from cloe.training.corruption import Corruption, corrupt
from cloe.training.pool import PoolCase

CLIP = 5.0
TURNED = 0.5
"""Share of the patches that are turned and stretched."""


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
    drawn
        ``[k]`` bool, false for a modality that is there only to teach its expert; all true unless the sampling is
        complete.
    """

    volumes: np.ndarray
    labels: np.ndarray
    subset: tuple[int, ...]
    trusted: np.ndarray
    drawn: np.ndarray


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
    bend
        Largest ``a`` of ``z + a (z**2 - 1)``, which bends the intensities of a modality as gamma does but keeps
        their mean and order; below 0.1.
    turn
        Largest angle in degrees about each axis by which half of the patches are turned.
    stretch
        Largest relative change of length along each axis of those patches; below 1.
    complete
        Give all modalities, so that every expert is held to the labels in every step; otherwise only the drawn
        ones are encoded, which costs about half.
    tumour
        Share of patches centred near a tumour voxel; the rest lie anywhere in the brain's box.
    """

    modalities: int = 4
    corruption: float = 0.3
    flip: float = 0.5
    bend: float = 0.0
    turn: float = 0.0
    stretch: float = 0.0
    complete: bool = False
    tumour: float = 0.75

    def __post_init__(self) -> None:
        if not 0.0 <= self.stretch < 1.0:
            raise ValueError("sampling.stretch must be from 0 to below 1")


def draw_sample(
    random: np.random.Generator,
    pool: Sequence[PoolCase],
    size: int | Sequence[int],
    sampling: Sampling,
    subset: tuple[int, ...] | None = None,
) -> Sample:
    """Draw one patch of ``size`` voxels per axis, or of (z, y, x) voxels; of the given modalities, or any."""
    extent = (size,) * 3 if isinstance(size, int) else tuple(size)
    if subset is None:
        choices = list(subsets(sampling.modalities))
        subset = choices[random.integers(len(choices))]
    case = pool[random.integers(len(pool))]
    corner = _corner(random, case, extent, sampling.tumour)
    given = tuple(range(sampling.modalities)) if sampling.complete else subset
    volumes, labels = _cut(case, given, corner, extent)
    if (sampling.turn > 0.0 or sampling.stretch > 0.0) and random.uniform() < TURNED:
        volumes, labels = _turned(random, volumes, labels, sampling)
    trusted = np.ones(len(given), bool)
    for channel in range(len(given)):
        brain = volumes[channel] != 0
        change = random.uniform(0.9, 1.1) * volumes[channel] + random.uniform(-0.1, 0.1)
        if sampling.bend > 0.0:
            change = np.clip(change + random.uniform(-sampling.bend, sampling.bend) * (change**2 - 1.0), -CLIP, CLIP)
        volumes[channel] = np.where(brain, change, 0.0)
    if len(subset) > 1 and random.uniform() < sampling.corruption:
        channel = given.index(subset[random.integers(len(subset))])
        kind = list(Corruption)[random.integers(len(Corruption))]
        other = None
        if kind is Corruption.SWAP:
            stranger = pool[random.integers(len(pool))]
            other = _cut(
                stranger, given[channel : channel + 1], _corner(random, stranger, extent, sampling.tumour), extent
            )[0][0]
        volumes[channel] = corrupt(random, volumes[channel], kind, other)
        trusted[channel] = False
    for axis in range(3):
        if random.uniform() < sampling.flip:
            volumes = np.flip(volumes, axis + 1)
            labels = np.flip(labels, axis)
    drawn = np.isin(given, subset)
    return Sample(np.ascontiguousarray(volumes), np.ascontiguousarray(labels), subset, trusted, drawn)


def _turned(
    random: np.random.Generator, volumes: np.ndarray, labels: np.ndarray, sampling: Sampling
) -> tuple[np.ndarray, np.ndarray]:
    """Turn and stretch a patch about its middle; what comes from outside of it is 0."""
    matrix = np.diag(1.0 + random.uniform(-sampling.stretch, sampling.stretch, 3))
    for axis in range(3):
        angle = np.radians(random.uniform(-sampling.turn, sampling.turn))
        first, second = (other for other in range(3) if other != axis)
        rotation = np.eye(3)
        rotation[[first, second], [first, second]] = np.cos(angle)
        rotation[first, second], rotation[second, first] = -np.sin(angle), np.sin(angle)
        matrix = rotation @ matrix
    # PyTorch counts each axis from -1 to 1, x first.
    half = np.array(labels.shape[::-1]) / 2.0
    theta = torch.zeros(1, 3, 4)
    theta[0, :, :3] = torch.from_numpy(matrix * half / half[:, None]).float()
    grid = functional.affine_grid(theta, [1, 1, *labels.shape], align_corners=False)
    image = torch.from_numpy(volumes)[None]
    smooth = functional.grid_sample(image, grid, "bilinear", align_corners=False)[0]
    # The nearest voxels say where the brain ends: 0 means outside, exactly.
    exact = torch.cat(((image != 0).float(), torch.from_numpy(labels)[None, None].float()), 1)
    nearest = functional.grid_sample(exact, grid, "nearest", align_corners=False)[0]
    return torch.where(nearest[:-1] > 0, smooth, 0.0).numpy(), nearest[-1].to(torch.uint8).numpy()


def _corner(random: np.random.Generator, case: PoolCase, size: Sequence[int], tumour: float) -> tuple[int, ...]:
    shape = case.labels.shape
    if len(case.tumour) and random.uniform() < tumour:
        jitter = [random.integers(-length // 3, length // 3 + 1) for length in size]
        low = case.tumour[random.integers(len(case.tumour))] + np.array(jitter) - np.array(size) // 2
    else:
        low = np.array(
            [random.integers(0, max(1, extent - length + 1)) for extent, length in zip(shape, size, strict=True)]
        )
    ends = (max(0, extent - length) for extent, length in zip(shape, size, strict=True))
    return tuple(int(np.clip(start, 0, end)) for start, end in zip(low, ends, strict=True))


def _cut(
    case: PoolCase, subset: Sequence[int], corner: Sequence[int], size: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    window = tuple(slice(start, start + length) for start, length in zip(corner, size, strict=True))
    raw = np.stack([case.images[(modality, *window)] for modality in subset]).astype(np.float32)
    index = list(subset)
    scaled = (raw - case.mean[index, None, None, None]) / np.maximum(case.deviation[index, None, None, None], 1e-8)
    volumes = np.where(raw != 0, np.clip(scaled, -CLIP, CLIP), 0.0).astype(np.float32)
    labels = np.asarray(case.labels[window])
    missing = [(0, length - extent) for length, extent in zip(size, labels.shape, strict=True)]
    return np.pad(volumes, [(0, 0), *missing]), np.pad(labels, missing)
