"""Smooth random fields on voxel grids."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

Shape = tuple[int, int, int]


def enlarge(lattice: np.ndarray, shape: Shape) -> np.ndarray:
    """Linear interpolation of a coarse lattice to a grid, corner on corner; float32, shape (z, y, x)."""
    field = lattice.astype(np.float32)
    for axis, size in enumerate(shape):
        field = _enlarge_axis(field, axis, size)
    return field


def _enlarge_axis(field: np.ndarray, axis: int, size: int) -> np.ndarray:
    nodes = field.shape[axis]
    position = np.linspace(0.0, nodes - 1.0, size)
    lower = np.minimum(position.astype(int), max(nodes - 2, 0))
    upper = np.minimum(lower + 1, nodes - 1)
    share = (position - lower).astype(np.float32)
    share = share.reshape([-1 if dimension == axis else 1 for dimension in range(field.ndim)])
    return np.take(field, lower, axis) * (1.0 - share) + np.take(field, upper, axis) * share


def nodes_for(shape: Shape, spacing: float, pitch: float) -> Shape:
    """Lattice nodes needed for a pitch in mm on a grid of a spacing in mm, at least 2 per axis."""
    return tuple(max(2, round(size * spacing / pitch) + 1) for size in shape)


def smooth_noise(random: np.random.Generator, shape: Shape, spacing: float, pitch: float) -> np.ndarray:
    """Field of zero mean and unit standard deviation that varies over ``pitch`` mm; float32 (z, y, x)."""
    field = enlarge(random.standard_normal(nodes_for(shape, spacing, pitch)), shape)
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def coordinates(shape: Shape, spacing: float) -> list[np.ndarray]:
    """Millimetres from the grid's centre along z, y, x; three float32 arrays that broadcast to ``shape``."""
    axes = []
    for axis, size in enumerate(shape):
        line = (np.arange(size, dtype=np.float32) - (size - 1) / 2.0) * np.float32(spacing)
        axes.append(line.reshape([-1 if dimension == axis else 1 for dimension in range(3)]))
    return axes


def sample_nearest(volume: np.ndarray, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values of ``volume`` at fractional indices, nearest neighbour, 0 outside; indices of one shape."""
    inside = np.ones(z.shape, bool)
    rounded = []
    for index, size in zip((z, y, x), volume.shape, strict=True):
        whole = np.rint(index).astype(np.int32)
        inside &= (whole >= 0) & (whole < size)
        rounded.append(np.clip(whole, 0, size - 1))
    return np.where(inside, volume[tuple(rounded)], 0).astype(volume.dtype)


def close_holes(mask: np.ndarray, iterations: int) -> np.ndarray:
    """Binary closing that does not erode at the array's border."""
    padded = np.pad(mask, iterations + 1)
    closed = ndimage.binary_closing(padded, iterations=iterations)
    inner = tuple(slice(iterations + 1, -(iterations + 1)) for _ in range(3))
    return closed[inner]
