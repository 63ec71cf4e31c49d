"""Distance between outlines, the rule for empty masks and the rule for small regions (data notes 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from cloe.evaluation.dice import dice
from cloe.specification import Specification

HD95_DEFINITION = (
    "the larger of the two directed 95th percentiles of the distances in mm from the border voxels of one mask to the "
    "nearest border voxel of the other (voxel centres, border by 6-connected erosion, not weighted by surface area)"
)

ONE_EMPTY_MM = 373.13
"""HD95 where exactly one mask is empty: the diagonal of a BraTS volume, sqrt(240^2 + 240^2 + 155^2)."""

EMPTY_RULE = (
    f"BraTS: Dice 1 and HD95 0 where truth and prediction are empty, Dice 0 and HD95 {ONE_EMPTY_MM} where one is"
)


@dataclass(frozen=True)
class SmallRegionRule:
    """Predictions of these regions below a volume count as empty.

    The missing-modality literature empties a predicted ET of fewer than 500 voxels of 1 mm before it scores ET (and
    only ET), and often prints that figure alone.

    Parameters
    ----------
    smallest_mm3
        Region name to the smallest volume that is kept, in cubic millimetres.
    """

    smallest_mm3: Mapping[str, float] = field(default_factory=lambda: {"ET": 500.0})

    def applies_to(self, region: str) -> bool:
        """Whether the region has a smallest volume."""
        return region in self.smallest_mm3

    def apply(self, region: str, mask: np.ndarray, voxel_mm3: float) -> np.ndarray:
        """The mask itself, or an empty one where it is too small."""
        if self.applies_to(region) and mask.sum() * voxel_mm3 < self.smallest_mm3[region]:
            return np.zeros_like(mask)
        return mask


@dataclass(frozen=True)
class RegionScore:
    """Scores of one region of one result.

    Attributes
    ----------
    dice
        In [0, 1]; 1 where both masks are empty.
    dice_post
        With :class:`SmallRegionRule`; equal to ``dice`` for regions without one.
    hd95
        Millimetres, see :data:`HD95_DEFINITION`.
    truth_voxels, predicted_voxels
        Counts; tell an empty truth from a missed one.
    """

    dice: float
    dice_post: float
    hd95: float
    truth_voxels: int
    predicted_voxels: int


def border(mask: np.ndarray) -> np.ndarray:
    """Voxels of a mask with a face neighbour outside it; beyond the array is outside."""
    return mask & ~ndimage.binary_erosion(mask)


def hd95(first: np.ndarray, second: np.ndarray, spacing: Sequence[float]) -> float:
    """Symmetric 95th percentile distance of two boolean masks in mm, by :data:`HD95_DEFINITION`.

    Parameters
    ----------
    first, second
        Boolean masks of one shape.
    spacing
        Millimetres per voxel along each axis.
    """
    if not first.any() and not second.any():
        return 0.0
    if not first.any() or not second.any():
        return ONE_EMPTY_MM
    # Only the box that holds both: distances to border voxels do not depend on what lies beyond them.
    box = ndimage.find_objects((first | second).astype(np.uint8))[0]
    borders = [border(np.pad(mask[box], 1)) for mask in (first, second)]
    directed = []
    for own, other in (borders, borders[::-1]):
        distance = ndimage.distance_transform_edt(~other, sampling=spacing)
        directed.append(float(np.percentile(distance[own], 95)))
    return max(directed)


def score_regions(
    specification: Specification,
    predicted: np.ndarray,
    truth: np.ndarray,
    spacing: Sequence[float],
    rule: SmallRegionRule | None = None,
) -> dict[str, RegionScore]:
    """Score every region of two maps of class channels on one grid.

    Parameters
    ----------
    specification
        Names the regions.
    predicted, truth
        Class channels, (z, y, x).
    spacing
        Millimetres per voxel, (z, y, x).
    rule
        For small regions; the usual one by default.
    """
    rule = rule or SmallRegionRule()
    voxel_mm3 = float(np.prod(spacing))
    scores = {}
    for region in specification.regions:
        members = specification.region_indices(region)
        found, true = np.isin(predicted, members), np.isin(truth, members)
        raw = dice(found, true)
        kept = rule.apply(region, found, voxel_mm3)
        scores[region] = RegionScore(
            dice=raw,
            dice_post=raw if kept is found else dice(kept, true),
            hd95=hd95(found, true, spacing),
            truth_voxels=int(true.sum()),
            predicted_voxels=int(found.sum()),
        )
    return scores
