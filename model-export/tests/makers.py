"""Makers of cases for a second process, which imports this file alone: without torch it is there in a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloe.training.pool import store_case


def make_noise(folder: Path, index: int) -> None:
    """Stand in for a phantom: 8 voxels along each axis, its index in every voxel."""
    images = np.full((4, 8, 8, 8), index + 1, np.int16)
    store_case(folder, 5, index, images, np.ones((8, 8, 8), np.uint8), (1.0, 1.0, 1.0), {})


def fail(folder: Path, index: int) -> None:
    raise OSError("disk full")
