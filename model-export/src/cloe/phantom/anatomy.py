"""Healthy anatomies: procedural ones, and label maps of the SynthSeg repository where they are at hand.

An anatomy is a label map of :class:`~cloe.phantom.tissue.Tissue` in (z, y, x) order of an LPS volume: z grows
upwards, y to the back, x to the left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from cloe.phantom.noise import close_holes, coordinates, smooth_noise
from cloe.phantom.tissue import Tissue

PROCEDURAL_SPACING = 1.25
"""Millimetres per voxel of a procedural label map; finer than most phantoms, coarse enough to be quick."""

_CSF = (4, 5, 14, 15, 24, 30, 31, 43, 44, 62, 63, 72)
_GREY = (3, 8, 17, 18, 42, 47, 53, 54)
_WHITE = (2, 7, 16, 28, 41, 46, 60, 85)
_DEEP_GREY = (10, 11, 12, 13, 26, 49, 50, 51, 52, 58)


@dataclass(frozen=True)
class Anatomy:
    """A healthy brain.

    Parameters
    ----------
    tissue
        uint8 label map, cropped to the brain.
    spacing
        Millimetres per voxel, the same along each axis.
    source
        ``procedural`` or the name of the label map.
    """

    tissue: np.ndarray
    spacing: float
    source: str


def _ellipsoid(
    axes: list[np.ndarray], centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> np.ndarray:
    """Normalised radius: 1 on the surface; centre and radii in mm as (z, y, x)."""
    total = sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radii, strict=True))
    return np.sqrt(total)


def procedural_anatomy(random: np.random.Generator, spacing: float = PROCEDURAL_SPACING) -> Anatomy:
    """Draw a brain-like label map: folded cortex, white matter, ventricles, deep grey matter, cerebellum.

    It imitates sizes and neighbourhoods, not a real brain: what matters to the network is that each
    contrast sees the same classes as in a patient, in plausible places.
    """
    shape = tuple(round(extent / spacing) for extent in (140.0, 176.0, 140.0))
    axes = coordinates(shape, spacing)
    z, y, x = axes

    def vary(value: float, share: float = 0.06) -> float:
        return value * random.uniform(1.0 - share, 1.0 + share)

    coarse = smooth_noise(random, shape, spacing, 45.0)
    folds = smooth_noise(random, shape, spacing, vary(13.0, 0.2))
    fine = smooth_noise(random, shape, spacing, 5.0)

    radius = vary(64.0)
    cerebrum = _ellipsoid(axes, (8.0, 0.0, 0.0), (vary(55.0), vary(80.0), vary(63.0)))
    # Millimetres below the surface, roughly; the lower face is flattened as in a brain.
    depth = (1.0 - cerebrum) * radius + 2.5 * coarse
    depth = np.minimum(depth, (z + vary(34.0)) * 0.9 + 2.0 * coarse)
    inside = depth > 0.0
    # A fold pulls the cortex inwards and carries CSF at its bottom line.
    sulcus = np.abs(folds) < vary(0.19, 0.4)
    fissure = np.abs(x + 1.2 * coarse) < 1.6
    fissure = fissure & ((z > vary(18.0)) | (depth < 20.0))
    cortex_depth = vary(6.0, 0.15) + vary(22.0, 0.2) * np.exp(-((folds / 0.68) ** 2)) + 0.8 * fine
    tissue = np.zeros(shape, np.uint8)
    tissue[inside] = Tissue.WHITE
    tissue[inside & ((depth < cortex_depth) | ((np.abs(x) < 5.0) & (z > 18.0)))] = Tissue.GREY
    tissue[inside & (((depth < vary(15.0, 0.2)) & sulcus) | (depth < 0.9) | fissure)] = Tissue.CSF

    for side in (-1.0, 1.0):
        for centre, radii in (
            ((6.0, -2.0, 11.0), (vary(7.5), vary(14.0), vary(6.5))),
            ((2.0, 12.0, 12.0), (vary(10.0), vary(13.0), vary(10.0))),
            ((4.0, -4.0, 25.0), (vary(10.5), vary(16.0), vary(6.5))),
            ((14.0, -6.0, 15.0), (vary(9.5), vary(16.0), vary(4.2))),
        ):
            place = (centre[0], centre[1], side * centre[2])
            nucleus = _ellipsoid(axes, place, radii) + 0.08 * fine
            tissue[(nucleus < 1.0) & inside] = Tissue.DEEP_GREY
        # Lateral ventricle: a bow from the frontal horn over the thalamus into the temporal horn.
        width = random.uniform(0.7, 1.7)
        bow = np.full(shape, np.inf, np.float32)
        for angle in np.linspace(-0.9, 2.7, 15):
            place = (9.0 + 13.0 * np.cos(angle), 4.0 + 24.0 * np.sin(angle), side * (7.0 + 5.0 * abs(np.sin(angle))))
            bow = np.minimum(bow, _ellipsoid(axes, place, (4.2 * width, 7.0, 3.6 * width)))
        tissue[(bow + 0.06 * coarse < 1.0) & inside] = Tissue.CSF
    third = _ellipsoid(axes, (2.0, 6.0, 0.0), (vary(9.0), vary(12.0), vary(1.8, 0.3)))
    tissue[(third < 1.0) & inside] = Tissue.CSF

    hind = _ellipsoid(axes, (-38.0, 46.0, 0.0), (vary(22.0), vary(30.0), vary(48.0))) + 0.03 * coarse
    hind_inside = (hind < 1.0) & ~inside
    leaves = np.abs(np.sin(z / 1.9 + 1.3 * coarse + 0.6 * folds)) < 0.75
    tissue[hind_inside] = Tissue.WHITE
    tissue[hind_inside & (hind > 0.5) & leaves] = Tissue.GREY
    tissue[hind_inside & (hind > 0.5) & (fine > 1.6)] = Tissue.CSF
    stem = np.sqrt((x / vary(13.0)) ** 2 + ((y - 14.0) / vary(13.0)) ** 2) + 0.0 * z
    tissue[(stem < 1.0) & (z < -22.0) & (z > -62.0) & (tissue == Tissue.OUTSIDE)] = Tissue.WHITE
    return Anatomy(_cropped(tissue), spacing, "procedural")


def load_label_map(path: Path) -> Anatomy:
    """Read one SynthSeg label map (FreeSurfer numbering), without the outer CSF.

    The tissue hull is the closing of the brain tissue; ventricles and vessels stay, fluid around the brain
    goes, as skull stripping does.
    """
    import nibabel

    from cloe.nifti import load_volume

    volume = load_volume(path, "LPS")
    labels = np.rint(volume.data).astype(np.int32)
    table = np.zeros(max(int(labels.max()), 85) + 1, np.uint8)
    for tissue, values in (
        (Tissue.CSF, _CSF),
        (Tissue.GREY, _GREY),
        (Tissue.WHITE, _WHITE),
        (Tissue.DEEP_GREY, _DEEP_GREY),
    ):
        table[list(values)] = tissue
    tissue = _cropped(table[labels])
    core = tissue > Tissue.CSF
    half = close_holes(core[::2, ::2, ::2], 4)
    hull = half.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    hull = hull[: core.shape[0], : core.shape[1], : core.shape[2]]
    # 24 is the fluid around the brain; every other CSF label is ventricle or vessel and stays.
    ventricle = (tissue == Tissue.CSF) & ~_cropped_like(labels == 24, table[labels])
    tissue[~(hull | core | ventricle)] = Tissue.OUTSIDE
    spacing = float(nibabel.affines.voxel_sizes(volume.affine)[0])
    return Anatomy(_cropped(tissue), spacing, path.name.split(".")[0])


def load_label_maps(folder: Path) -> list[Anatomy]:
    """Read every label map of a folder, in the order of their names."""
    return [load_label_map(path) for path in sorted(folder.glob("*.nii*"))]


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        raise ValueError("empty label map")
    return found[0]


def _cropped(tissue: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(tissue[_box(tissue > 0)])


def _cropped_like(volume: np.ndarray, tissue: np.ndarray) -> np.ndarray:
    return volume[_box(tissue > 0)]
