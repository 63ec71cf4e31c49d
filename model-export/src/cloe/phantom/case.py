"""One synthetic study from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloe.phantom.acquisition import acquire
from cloe.phantom.anatomy import PROCEDURAL_SPACING, Anatomy, procedural_anatomy
from cloe.phantom.contrast import paint
from cloe.phantom.noise import Shape, coordinates, enlarge, sample_nearest
from cloe.phantom.tissue import TUMOUR_LABEL, Tissue
from cloe.phantom.tumour import grow_tumour

CANVAS_MM = (144.0, 192.0, 160.0)
"""Extent of a phantom along z, y, x."""


@dataclass(frozen=True)
class Case:
    """A synthetic study.

    Attributes
    ----------
    images
        int16 ``[4, z, y, x]``, contrasts in the order of :data:`cloe.phantom.contrast.CONTRASTS`.
    labels
        uint8 (z, y, x): 0, NCR 1, ED 2, ET 3.
    tissue
        uint8 (z, y, x), for the calibration of the contrasts.
    spacing
        Millimetres per voxel.
    description
        Kinds of the foci.
    anatomy
        Where the anatomy comes from.
    """

    images: np.ndarray
    labels: np.ndarray
    tissue: np.ndarray
    spacing: float
    description: str
    anatomy: str


def canvas_shape(spacing: float, canvas_mm: tuple[float, float, float] = CANVAS_MM) -> Shape:
    """Voxels of the canvas along z, y, x."""
    return tuple(round(extent / spacing) for extent in canvas_mm)


def make_case(
    seed: Sequence[int],
    spacing: float,
    anatomies: Sequence[Anatomy] = (),
    procedural_share: float = 0.4,
    canvas_mm: tuple[float, float, float] = CANVAS_MM,
) -> Case:
    """Draw a study; the same arguments give the same study.

    Parameters
    ----------
    seed
        Integers that name the case.
    spacing
        Millimetres per voxel.
    anatomies
        Label maps to draw from besides procedural ones.
    procedural_share
        How often the anatomy is procedural when label maps are given.
    canvas_mm
        Extent along z, y, x; smaller canvases cut the brain.
    """
    random = np.random.default_rng(list(seed))
    if anatomies and random.uniform() >= procedural_share:
        anatomy = anatomies[random.integers(len(anatomies))]
    else:
        # Finer than the study, but no finer than needed: drawing the anatomy is the larger part of the time.
        anatomy = procedural_anatomy(random, max(PROCEDURAL_SPACING, 0.8 * spacing))
    shape = canvas_shape(spacing, canvas_mm)
    healthy = place(random, anatomy, shape, spacing)
    tissue, description = grow_tumour(random, healthy, spacing)
    ideal = paint(random, tissue, spacing)
    brain = tissue != Tissue.OUTSIDE
    images = np.stack([acquire(random, contrast, brain, spacing) for contrast in ideal])
    labels = np.zeros(shape, np.uint8)
    for kind, label in TUMOUR_LABEL.items():
        labels[tissue == kind] = label
    return Case(images, labels, tissue, spacing, description, anatomy.source)


def place(random: np.random.Generator, anatomy: Anatomy, shape: Shape, spacing: float) -> np.ndarray:
    """Put an anatomy on a canvas: small rotation, scale, shift, mirror and elastic deformation."""
    z, y, x = coordinates(shape, spacing)
    about_x, about_z = random.normal(0.0, 0.07, 2)
    scale = random.uniform(0.93, 1.07, 3)
    shift = random.normal(0.0, 2.0, 3)
    mirror = -1.0 if random.uniform() < 0.5 else 1.0
    rotated_y = np.float32(np.cos(about_z)) * y - np.float32(np.sin(about_z)) * x
    rotated_x = np.float32(np.sin(about_z)) * y + np.float32(np.cos(about_z)) * x
    final_z = np.float32(np.cos(about_x)) * z - np.float32(np.sin(about_x)) * rotated_y
    final_y = np.float32(np.sin(about_x)) * z + np.float32(np.cos(about_x)) * rotated_y
    indices = []
    for axis, line in enumerate((final_z, final_y, rotated_x * np.float32(mirror))):
        elastic = enlarge(random.normal(0.0, 2.5, (6, 7, 6)), shape)
        millimetres = (line + elastic + np.float32(shift[axis])) / np.float32(scale[axis])
        centre = (anatomy.tissue.shape[axis] - 1) / 2.0
        indices.append(millimetres / np.float32(anatomy.spacing) + np.float32(centre))
    return sample_nearest(anatomy.tissue, *indices)
