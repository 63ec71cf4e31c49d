"""Procedural tumours: necrotic core, enhancing rim and oedema around one or more foci."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloe.phantom.noise import Shape, coordinates, enlarge, sample_nearest, smooth_noise
from cloe.phantom.tissue import Tissue


@dataclass(frozen=True)
class TumourKind:
    """Proportions of one focus.

    Parameters
    ----------
    name
        For the case's description.
    share
        How often it is drawn.
    core_radius
        Range of the core's mean radius in mm.
    rim
        Range of the enhancing rim's thickness in mm; a rim wider than the core leaves no necrosis.
    rim_cover
        Range of the fraction of the rim that enhances.
    oedema
        Range of the oedema's reach beyond the core in mm.
    """

    name: str
    share: float
    core_radius: tuple[float, float]
    rim: tuple[float, float]
    rim_cover: tuple[float, float]
    oedema: tuple[float, float]


KINDS = (
    TumourKind("ring", 0.54, (9.0, 29.0), (2.5, 9.0), (0.65, 1.0), (4.0, 22.0)),
    TumourKind("solid", 0.12, (5.0, 16.0), (14.0, 20.0), (0.8, 1.0), (5.0, 24.0)),
    TumourKind("patchy", 0.16, (12.0, 32.0), (3.0, 9.0), (0.12, 0.5), (3.0, 18.0)),
    TumourKind("non-enhancing", 0.18, (10.0, 32.0), (0.0, 0.0), (0.0, 0.0), (3.0, 16.0)),
)

NO_TUMOUR = 0.05
"""Share of cases without any tumour."""

SECOND_FOCUS = 0.15
"""Share of the other cases with a second, smaller focus."""

DIFFUSION_SPACING = 2.5
DIFFUSION_STEPS = 60


def grow_tumour(random: np.random.Generator, tissue: np.ndarray, spacing: float) -> tuple[np.ndarray, str]:
    """Overwrite healthy tissue with a tumour.

    Parameters
    ----------
    random
        Source of all draws.
    tissue
        Healthy label map (z, y, x); not changed.
    spacing
        Millimetres per voxel.

    Returns
    -------
    tissue, description
        The label map with tumour, and what was drawn (``none``, ``ring``, ``ring+solid``...).
    """
    if random.uniform() < NO_TUMOUR:
        return tissue.copy(), "none"
    count = 2 if random.uniform() < SECOND_FOCUS else 1
    result = tissue.copy()
    names = []
    for focus in range(count):
        kind = KINDS[random.choice(len(KINDS), p=[entry.share for entry in KINDS])]
        _grow_focus(random, result, spacing, kind, 1.0 if focus == 0 else random.uniform(0.4, 0.8))
        names.append(kind.name)
    return result, "+".join(names)


def _grow_focus(
    random: np.random.Generator, tissue: np.ndarray, spacing: float, kind: TumourKind, scale: float
) -> None:
    shape: Shape = tissue.shape
    # Gliomas of the hind brain are rare: the centre lies in the upper part, mostly in white matter.
    candidates = tissue == Tissue.WHITE
    if random.uniform() < 0.3:
        candidates = candidates | (tissue == Tissue.GREY) | (tissue == Tissue.DEEP_GREY)
    candidates[: shape[0] * 2 // 5] = False
    seeds = np.flatnonzero(candidates)
    if seeds.size == 0:
        return
    centre_index = np.unravel_index(seeds[random.integers(seeds.size)], shape)
    axes = coordinates(shape, spacing)
    offsets = [axis - axis.ravel()[index] for axis, index in zip(axes, centre_index, strict=True)]

    core = random.uniform(*kind.core_radius) * scale
    rim = random.uniform(*kind.rim)
    cover = random.uniform(*kind.rim_cover)
    oedema = random.uniform(*kind.oedema) * scale
    stretch = np.exp(random.normal(0.0, 0.16, 3))
    rotation, _ = np.linalg.qr(random.standard_normal((3, 3)))

    box = _box_around(centre_index, shape, (core * 1.9 + oedema * 2.0 + 6.0) / spacing)
    offsets = [
        offset[tuple(b if s > 1 else slice(None) for b, s in zip(box, offset.shape, strict=True))] for offset in offsets
    ]
    local = tissue[box]
    turned = [sum(float(rotation[row, column]) * offsets[column] for column in range(3)) for row in range(3)]
    distance = np.sqrt(sum((part / float(s)) ** 2 for part, s in zip(turned, stretch, strict=True)))
    local[...] = push_aside(local, offsets, distance, core, random.uniform(0.0, 0.45), spacing)
    coarse = smooth_noise(random, local.shape, spacing, max(8.0, core * 0.8))
    medium = smooth_noise(random, local.shape, spacing, 6.0)
    fine = smooth_noise(random, local.shape, spacing, 3.5)

    level = distance - (0.16 * core * coarse + 1.1 * medium) - core
    in_core = (level < 0.0) & (local != Tissue.OUTSIDE)
    free = (local != Tissue.OUTSIDE) & (local != Tissue.CSF) & (local < Tissue.NECROSIS) & ~in_core
    reached = spread_along_white_matter(local, in_core, spacing) + 0.06 * medium
    # As many voxels as a shell of the drawn reach would hold, at the places that are reached first.
    shell = np.count_nonzero((level < oedema) & free)
    if shell:
        threshold = np.partition(reached[free], -shell)[-shell]
        local[free & (reached >= threshold)] = Tissue.OEDEMA
    local[in_core] = Tissue.NECROSIS
    if cover > 0.0:
        thickness = rim * (1.0 + 0.35 * medium)
        threshold = np.quantile(coarse + 0.5 * medium, 1.0 - cover) if cover < 1.0 else -np.inf
        enhancing = in_core & (level > -thickness) & (coarse + 0.5 * medium >= threshold)
        islands = in_core & (fine > 2.3)
        local[enhancing | islands] = Tissue.ENHANCING


def push_aside(
    tissue: np.ndarray,
    offsets: list[np.ndarray],
    distance: np.ndarray,
    radius: float,
    strength: float,
    spacing: float,
) -> np.ndarray:
    """Mass effect: healthy tissue makes room for the core, most at its border and less further out.

    Parameters
    ----------
    tissue
        Label map (z, y, x) around the focus.
    offsets
        Millimetres from the focus along z, y, x; they broadcast to ``tissue.shape``.
    distance
        Millimetres from the focus in the metric of its ellipsoid.
    radius
        Of the core in mm.
    strength
        Share by which what lay in the focus is moved outwards, in [0, 0.5].

    Returns
    -------
    np.ndarray
        The moved map; the brain's outline stays, as the skull does.
    """
    share = 1.0 - strength * np.exp(-((distance / (1.6 * radius)) ** 2))
    indices = []
    for axis, offset in enumerate(offsets):
        own = np.arange(tissue.shape[axis], dtype=np.float32).reshape(offset.shape)
        indices.append((own + offset * (share - 1.0) / spacing).astype(np.float32))
    moved = sample_nearest(tissue, *indices)
    return np.where((tissue == Tissue.OUTSIDE) | (moved == Tissue.OUTSIDE), tissue, moved)


def spread_along_white_matter(tissue: np.ndarray, core: np.ndarray, spacing: float) -> np.ndarray:
    """Where fluid that leaks from the core gets to: diffusion, quick in white matter, slow in grey, none in CSF.

    Solved on a grid of about 2.5 mm, whatever the study's, with the core kept at 1.

    Returns
    -------
    np.ndarray
        Logarithm of the concentration, about 0 at the core and falling outwards; float32 (z, y, x).
    """
    step = max(1, round(DIFFUSION_SPACING / spacing))
    coarse = tissue[::step, ::step, ::step]
    source = core[::step, ::step, ::step]
    conductivity = np.full(coarse.shape, 0.25, np.float32)
    conductivity[coarse == Tissue.WHITE] = 1.0
    conductivity[(coarse == Tissue.OUTSIDE) | (coarse == Tissue.CSF)] = 0.0
    conductivity[source] = 1.0
    inner, outer = slice(1, None), slice(None, -1)
    faces = []
    for axis in range(3):
        low = tuple(outer if other == axis else slice(None) for other in range(3))
        high = tuple(inner if other == axis else slice(None) for other in range(3))
        faces.append((low, high, np.minimum(conductivity[low], conductivity[high]) / np.float32(6.0)))
    concentration = source.astype(np.float32)
    for _ in range(DIFFUSION_STEPS):
        change = np.zeros_like(concentration)
        for low, high, flow in faces:
            moved = flow * (concentration[high] - concentration[low])
            change[low] += moved
            change[high] -= moved
        concentration += change
        concentration[source] = 1.0
    return enlarge(np.log10(concentration + 1e-9), tissue.shape)


def _box_around(centre: tuple[np.intp, ...], shape: Shape, half: float) -> tuple[slice, ...]:
    reach = int(np.ceil(half))
    return tuple(
        slice(max(0, int(index) - reach), min(size, int(index) + reach + 1))
        for index, size in zip(centre, shape, strict=True)
    )
