"""Labelled studies to evaluate on: phantoms of held-out seeds, or a folder of cases."""

from __future__ import annotations

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


def coarsen(study: LabelledStudy, factor: int) -> dict[str, np.ndarray]:
    """The study's volumes on a grid of ``factor`` times the voxel size.

    A coarse voxel is the mean of the brain voxels in its block, or 0 where they are fewer than half of it. The grid
    is padded at its high end to a multiple of the factor.
    """
    brain = np.logical_or.reduce([volume != 0 for volume in study.volumes.values()])
    count = _block_sum(brain.astype(np.float32), factor)
    kept = count * 2 >= factor**3
    return {
        name: np.where(kept, _block_sum(volume.astype(np.float32), factor) / np.maximum(count, 1), 0).astype(np.float32)
        for name, volume in study.volumes.items()
    }


def enlarge(channels: np.ndarray, factor: int, shape: Sequence[int]) -> np.ndarray:
    """Class channels of a coarse grid on the fine one of ``shape``, each voxel repeated."""
    for axis in range(3):
        channels = np.repeat(channels, factor, axis)
    return channels[tuple(slice(0, extent) for extent in shape)]


def _block_sum(volume: np.ndarray, factor: int) -> np.ndarray:
    padded = np.pad(volume, [(0, -extent % factor) for extent in volume.shape])
    z, y, x = (extent // factor for extent in padded.shape)
    return padded.reshape(z, factor, y, factor, x, factor).sum((1, 3, 5))
