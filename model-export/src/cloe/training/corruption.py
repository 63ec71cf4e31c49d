"""Spoil one available modality of a training patch, so that the gate has something to learn.

On clean data all experts agree and every gate is as good as uniform. Not part of the paper.
"""

from __future__ import annotations

from enum import Enum

import numpy as np


class Corruption(Enum):
    """What can happen to a scan."""

    BLANK = "blank"
    NOISE = "noise"
    SHIFT = "shift"
    SWAP = "swap"


SMALLEST_SHIFT = 4
LARGEST_SHIFT = 12


def corrupt(
    random: np.random.Generator,
    patch: np.ndarray,
    kind: Corruption,
    other: np.ndarray | None = None,
    strength: float = 1.0,
) -> np.ndarray:
    """Spoil one normalised patch.

    Parameters
    ----------
    random
        Source of all draws.
    patch
        float32 (z, y, x), z-scores, exactly 0 outside the brain.
    kind
        What happens.
    other
        Same modality of another case, needed for a swap.
    strength
        In [0, 1]; scales noise and shift, and blends for blank and swap.

    Returns
    -------
    np.ndarray
        float32 (z, y, x).
    """
    brain = patch != 0
    if kind is Corruption.BLANK:
        return patch * np.float32(1.0 - strength)
    if kind is Corruption.NOISE:
        deviation = np.float32(strength * random.uniform(1.5, 3.0))
        spoilt = patch + deviation * random.standard_normal(patch.shape, np.float32)
        # Normalisation would bring the noisy scan back to unit deviation.
        return np.where(brain, spoilt / np.sqrt(1.0 + deviation**2), 0).astype(np.float32)
    if kind is Corruption.SHIFT:
        shift = random.integers(SMALLEST_SHIFT, LARGEST_SHIFT + 1, 3) * random.choice((-1, 1), 3)
        return np.roll(patch, tuple(np.rint(shift * strength).astype(int)), (0, 1, 2))
    if other is None:
        raise ValueError("a swap needs another case")
    return (patch * np.float32(1.0 - strength) + other * np.float32(strength)).astype(np.float32)
