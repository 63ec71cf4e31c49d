"""Find the scans of a study in a folder by the usual file names."""

from __future__ import annotations

import re
from pathlib import Path

SUFFIXES = {
    "T1": ("t1", "t1n"),
    "T1CE": ("t1ce", "t1c", "t1gd"),
    "T2": ("t2", "t2w"),
    "FLAIR": ("flair", "t2f"),
    "SEG": ("seg", "segm"),
}
"""Name endings of BraTS 2020, 2021 and 2023, before ``.nii`` or ``.nii.gz``, in any case."""

_ENDING = re.compile(
    r"^.*?("
    + "|".join(sorted((s for group in SUFFIXES.values() for s in group), key=len, reverse=True))
    + r")\.nii(\.gz)?$"
)


def find_scans(folder: Path) -> dict[str, Path]:
    """Map modality (and ``SEG``) to file.

    Raises
    ------
    ValueError
        If two files claim the same modality.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = _ENDING.match(path.name.lower())
        if match is None:
            continue
        name = next(name for name, endings in SUFFIXES.items() if match.group(1) in endings)
        if name in found:
            raise ValueError(f"two files for {name} in the study folder")
        found[name] = path
    return found
