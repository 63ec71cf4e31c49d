"""How far two bundles of the same task part on whole studies: half precision against full, or another overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cloe.evaluation.experts import region_dice
from cloe.evaluation.studies import LabelledStudy, coarsen
from cloe.inference.bundle import Bundle
from cloe.inference.pipeline import USUAL, Mode, Segmentation, segment
from cloe.specification import subset_name


@dataclass(frozen=True)
class Difference:
    """Of one subset: of one study, or the worst over several.

    Attributes
    ----------
    subset
        Names joined by ``+``.
    labels
        Share of the brain's voxels with equal labels.
    dice
        By region, of one mask against the other; 1 where neither marks it.
    weights
        Largest absolute difference of a modality's weight in the study, 0 without weights.
    """

    subset: str
    labels: float
    dice: dict[str, float]
    weights: float

    def within(self, labels: float, weights: float) -> bool:
        """Whether at least ``labels`` of the voxels agree and weights differ by ``weights`` at most."""
        return self.labels >= labels and self.weights <= weights


def compare(
    first: Bundle,
    second: Bundle,
    studies: Iterable[LabelledStudy],
    subsets: Sequence[Sequence[str]],
    factor: float = 1.0,
    mode: Mode = USUAL,
) -> Iterator[tuple[str, Difference]]:
    """Segment every study from every subset with both; their labels are not looked at.

    Parameters
    ----------
    first, second
        Of the same modalities and classes.
    studies, subsets, factor, mode
        As of :func:`cloe.evaluation.evaluate.evaluate`; compared on the grid that is segmented.

    Yields
    ------
    tuple
        The study's name and how the two differ.

    Raises
    ------
    ValueError
        If the bundles are of different tasks.
    """
    if first.specification != second.specification:
        raise ValueError("the bundles differ in their modalities, classes or regions: there is nothing to compare")
    for study in studies:
        volumes = coarsen(study, factor) if factor > 1 else study.volumes
        for subset in subsets:
            given = {name: volumes[name] for name in subset}
            brain = np.logical_or.reduce([volume != 0 for volume in given.values()])
            yield study.name, _difference(first, brain, segment(first, given, mode), segment(second, given, mode))


def _difference(bundle: Bundle, brain: np.ndarray, ours: Segmentation, theirs: Segmentation) -> Difference:
    gated = ours.gate != "none"
    return Difference(
        subset_name(ours.modalities),
        float((ours.channels == theirs.channels)[brain].mean()),
        dict(region_dice(bundle.specification, theirs.channels, ours.channels)),
        float(np.abs(ours.scores.weights - theirs.scores.weights).max()) if gated else 0.0,
    )


def worst(differences: Sequence[Difference]) -> Difference:
    """The worst of each figure, of differences of one subset."""
    return Difference(
        differences[0].subset,
        min(difference.labels for difference in differences),
        {region: min(difference.dice[region] for difference in differences) for region in differences[0].dice},
        max(difference.weights for difference in differences),
    )


def table(differences: Sequence[Difference]) -> str:
    """Markdown text."""
    regions = list(differences[0].dice)
    lines = [
        "| subset | equal labels in the brain | " + " | ".join(f"Dice {region}" for region in regions) + " | weights |",
        "|---" * (len(regions) + 3) + "|",
    ]
    for difference in differences:
        cells = [f"{difference.labels:.3%}", *(f"{difference.dice[region]:.4f}" for region in regions)]
        lines.append(f"| {difference.subset} | " + " | ".join([*cells, f"{difference.weights:.1e}"]) + " |")
    return "\n".join(lines) + "\n"
