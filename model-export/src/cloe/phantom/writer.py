"""Write synthetic studies as NIfTI."""

from __future__ import annotations

from pathlib import Path

from cloe.nifti import lps_affine, save_volume
from cloe.phantom.case import Case

FILES = ("t1", "t1ce", "t2", "flair")


def write_case(folder: Path, case: Case) -> None:
    """Write ``t1``, ``t1ce``, ``t2``, ``flair`` (int16) and ``seg`` (uint8) as LPS ``.nii.gz`` files."""
    folder.mkdir(parents=True, exist_ok=True)
    affine = lps_affine(case.labels.shape, case.spacing)
    for name, image in zip(FILES, case.images, strict=True):
        save_volume(folder / f"{name}.nii.gz", image.T, affine)
    save_volume(folder / "seg.nii.gz", case.labels.T, affine, label=True)
