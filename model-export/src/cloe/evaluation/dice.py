"""Overlap scores as the missing-modality literature reports them (data notes 6)."""

from __future__ import annotations

import numpy as np

FLOOR = 1e-8
"""Added above and below: two empty masks score 1, one empty mask scores 0."""


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Dice overlap of two masks, in [0, 1]."""
    overlap = 2.0 * float(np.logical_and(first, second).sum()) + FLOOR
    return overlap / (float(first.sum()) + float(second.sum()) + FLOOR)
