"""Folders as the BraTS challenges of 2018 to 2023 publish them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloe.datasets.case import LabelledCase
from cloe.inference.study import find_scans
from cloe.nifti import load_volume
from cloe.specification import BRAIN_GLIOMA, Specification

SEGMENTATION = "SEG"
ENHANCING = 3
ENHANCING_BEFORE_2023 = 4


def find_brats_cases(root: Path, specification: Specification = BRAIN_GLIOMA) -> list[Path]:
    """Study folders below ``root``, at any depth, that hold all modalities and a segmentation; by name.

    Names of 2020 (``BraTS20_Training_001_t1ce.nii``), 2021 (``BraTS2021_00000_t1ce.nii.gz``) and 2023
    (``BraTS-GLI-00000-000-t1c.nii.gz``) are known, and so are the subfolders HGG and LGG of earlier years.

    Raises
    ------
    ValueError
        If there is none.
    """
    needed = {*specification.modalities, SEGMENTATION}
    folders = sorted({path.parent for path in root.rglob("*.nii*")}, key=lambda path: path.name)
    found = [folder for folder in folders if needed <= set(find_scans(folder))]
    if not found:
        raise ValueError(f"no folder with {sorted(needed)} below {root.name}")
    return found


def read_brats_case(
    folder: Path, specification: Specification = BRAIN_GLIOMA, orientation: str = "LPS"
) -> LabelledCase:
    """Read one study folder.

    Raises
    ------
    ValueError
        If volumes have different shapes or the labels are none of a BraTS coding.
    """
    scans = find_scans(folder)
    volumes = [load_volume(scans[name], orientation) for name in specification.modalities]
    segmentation = load_volume(scans[SEGMENTATION], orientation)
    shapes = {volume.data.shape for volume in (*volumes, segmentation)}
    if len(shapes) != 1:
        raise ValueError(f"{folder.name}: volumes of different shapes {sorted(shapes)}")
    spacing = np.linalg.norm(segmentation.affine[:3, :3], axis=0)[::-1]
    images = np.stack([volume.data for volume in volumes])
    labels = glioma_labels(segmentation.data, folder.name)
    return LabelledCase(folder.name, images, labels, tuple(float(value) for value in spacing))


def glioma_labels(values: np.ndarray, name: str) -> np.ndarray:
    """Labels of either BraTS coding, {1, 2, 4} before 2023 or {1, 2, 3} since, as channels 1, 2, 3.

    Raises
    ------
    ValueError
        If other values occur, or 3 and 4 together (the coding of 2024, where 4 is a resection cavity).
    """
    labels = np.rint(values).astype(np.int32)
    present = set(np.unique(labels).tolist())
    if not present <= {0, 1, 2, ENHANCING, ENHANCING_BEFORE_2023} or {ENHANCING, ENHANCING_BEFORE_2023} <= present:
        raise ValueError(f"{name}: labels {sorted(present)} are no BraTS coding of 2018 to 2023")
    labels[labels == ENHANCING_BEFORE_2023] = ENHANCING
    return labels.astype(np.uint8)
