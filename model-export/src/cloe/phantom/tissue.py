"""Tissue classes of a phantom."""

from __future__ import annotations

from enum import IntEnum


class Tissue(IntEnum):
    """Classes that carry an intensity of their own; the last three are tumour."""

    OUTSIDE = 0
    CSF = 1
    GREY = 2
    WHITE = 3
    DEEP_GREY = 4
    NECROSIS = 5
    OEDEMA = 6
    ENHANCING = 7


TUMOUR_LABEL = {Tissue.NECROSIS: 1, Tissue.OEDEMA: 2, Tissue.ENHANCING: 3}
"""Value in the segmentation file: BraTS 2023 coding (NCR 1, ED 2, ET 3)."""
