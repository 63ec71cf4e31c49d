"""Labelled studies to evaluate on: phantoms of held-out seeds, or a folder of cases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes

from cloe.inference.study import find_scans
from cloe.nifti import load_volume
from cloe.phantom.anatomy import Anatomy
from cloe.phantom.case import make_case
from cloe.phantom.contrast import CONTRASTS

ENHANCING_BEFORE_2023 = 4
ENHANCING = 3


@dataclass(frozen=True)
class LabelledStudy:
    """Volumes by modality, (z, y, x) in the bundle's orientation, and the true class channels.

    Attributes
    ----------
    name
        For tables; the folder's name, or the phantom's seed.
    volumes, truth
        On one grid.
    spacing
        Millimetres per voxel, (z, y, x).
    """

    name: str
    volumes: dict[str, np.ndarray]
    truth: np.ndarray
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)


def phantom_studies(
    seed: int, count: int, spacings: Sequence[float], anatomies: Sequence[Anatomy]
) -> Iterator[LabelledStudy]:
    """Synthetic studies; spacings take turns."""
    for index in range(count):
        spacing = spacings[index % len(spacings)]
        case = make_case((seed, index), spacing, anatomies)
        volumes = dict(zip(CONTRASTS, case.images, strict=True))
        yield LabelledStudy(f"phantom-{seed}-{index}", volumes, case.labels, (spacing,) * 3)


def folder_studies(folder: Path, orientation: str) -> Iterator[LabelledStudy]:
    """Studies on disk, one folder each, with a segmentation in BraTS coding (4 counts as 3).

    Raises
    ------
    ValueError
        If no folder holds a segmentation.
    """
    labelled = [
        (study, scans)
        for study in sorted(path for path in folder.iterdir() if path.is_dir())
        if "SEG" in (scans := find_scans(study))
    ]
    if not labelled:
        raise ValueError(f"no labelled case in {folder.name}: each needs a folder with its volumes and a seg file")
    for study, scans in labelled:
        segmentation = load_volume(scans.pop("SEG"), orientation)
        truth = np.rint(segmentation.data).astype(np.uint8)
        truth[truth == ENHANCING_BEFORE_2023] = ENHANCING
        volumes = {name: load_volume(path, orientation).data for name, path in scans.items()}
        x, y, z = (float(size) for size in voxel_sizes(segmentation.affine))
        yield LabelledStudy(study.name, volumes, truth, (z, y, x))


def coarsen(study: LabelledStudy, factor: float) -> dict[str, np.ndarray]:
    """The study's volumes on a grid of ``factor`` times the voxel size.

    A coarse voxel is the mean of the brain within it, or 0 where that is less than half of it.
    """
    brain = np.logical_or.reduce([volume != 0 for volume in study.volumes.values()])
    covered = _sum_within(brain.astype(np.float32), factor)
    kept = covered * 2 >= factor**3
    return {
        name: np.where(kept, _sum_within(volume.astype(np.float32), factor) / np.maximum(covered, 1e-6), 0).astype(
            np.float32
        )
        for name, volume in study.volumes.items()
    }


def coarse_labels(labels: np.ndarray, factor: float) -> np.ndarray:
    """Labels on the coarse grid: those at the middle of each coarse voxel."""
    for axis, extent in enumerate(labels.shape):
        middle = np.floor((np.arange(_coarse_extent(extent, factor)) + 0.5) * factor).astype(int)
        labels = labels.take(np.minimum(middle, extent - 1), axis)
    return labels


def enlarge(channels: np.ndarray, factor: float, shape: Sequence[int]) -> np.ndarray:
    """Class channels of a coarse grid on the fine one of ``shape``: each voxel takes those of the one it lies in."""
    for axis, extent in enumerate(shape):
        channels = channels.take(np.floor((np.arange(extent) + 0.5) / factor).astype(int), axis)
    return channels


def _coarse_extent(extent: int, factor: float) -> int:
    return math.ceil(extent / factor - 1e-9)


def _sum_within(volume: np.ndarray, factor: float) -> np.ndarray:
    """Sum of the fine voxels, or parts of them, that lie in each coarse one."""
    for axis, extent in enumerate(volume.shape):
        low = np.arange(_coarse_extent(extent, factor))[:, None] * factor
        fine = np.arange(extent)[None, :]
        overlap = np.clip(np.minimum(low + factor, fine + 1) - np.maximum(low, fine), 0.0, 1.0).astype(np.float32)
        volume = np.moveaxis(np.tensordot(overlap, volume, (1, axis)), 0, axis)
    return volume
