"""Sliding windows and what is averaged over them (``BUNDLE.md``, steps 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

SMALLEST_MASS = 1e-6
"""Below this total foreground the plain mean over windows is taken."""


def starts(size: int, window: int, overlap: float) -> list[int]:
    """Window starts along one axis; the last window ends at ``size``.

    Raises
    ------
    ValueError
        If the axis is shorter than the window.
    """
    if size < window:
        raise ValueError("the crop is at least a window long")
    step = int(window * (1.0 - overlap))
    found = []
    start = 0
    while start + window < size:
        found.append(start)
        start += step
    return [*found, size - window]


def windows(shape: Sequence[int], window: Sequence[int], overlap: float) -> Iterator[tuple[slice, slice, slice]]:
    """All windows of a crop (z, y, x), z outermost, x innermost."""
    axes = [starts(size, extent, overlap) for size, extent in zip(shape, window, strict=True)]
    for z, y, x in product(*axes):
        yield slice(z, z + window[0]), slice(y, y + window[1]), slice(x, x + window[2])


@dataclass(frozen=True)
class WindowScores:
    """What the gate said about one window, and how much foreground the window held.

    Attributes
    ----------
    mass
        Sum over voxels of one minus the background's probability.
    weights, consistency_global, consistency_regional
        ``[k]``.
    """

    mass: float
    weights: np.ndarray
    consistency_global: np.ndarray
    consistency_regional: np.ndarray


@dataclass(frozen=True)
class StudyScores:
    """Means over windows weighted by foreground, and the weights' standard deviation; ``[k]`` each."""

    weights: np.ndarray
    consistency_global: np.ndarray
    consistency_regional: np.ndarray
    spread: np.ndarray


def summarise(scores: Sequence[WindowScores]) -> StudyScores:
    """Average the windows of a study, float64."""
    mass = np.array([entry.mass for entry in scores], np.float64)
    if mass.sum() < SMALLEST_MASS:
        mass = np.ones(len(scores))
    share = (mass / mass.sum())[:, None]

    def mean(values: list[np.ndarray]) -> np.ndarray:
        # Around the first window, so that what all windows say alike comes out unrounded.
        stacked = np.array(values, np.float64)
        return stacked[0] + (share * (stacked - stacked[0])).sum(0)

    weights = mean([entry.weights for entry in scores])
    variance = mean([(entry.weights.astype(np.float64) - weights) ** 2 for entry in scores])
    return StudyScores(
        weights,
        mean([entry.consistency_global for entry in scores]),
        mean([entry.consistency_regional for entry in scores]),
        np.sqrt(variance),
    )
