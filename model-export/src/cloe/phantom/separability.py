"""How well each contrast tells the tissue classes apart, against real cases (data notes 1.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from cloe.phantom.case import Case
from cloe.phantom.contrast import CONTRASTS
from cloe.phantom.tissue import Tissue

HEALTHY = (Tissue.CSF, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY)

PAIRS: dict[str, tuple[tuple[Tissue, ...], tuple[Tissue, ...]]] = {
    "ED / healthy": ((Tissue.OEDEMA,), HEALTHY),
    "NCR / healthy": ((Tissue.NECROSIS,), HEALTHY),
    "ET / healthy": ((Tissue.ENHANCING,), HEALTHY),
    "ET / ED": ((Tissue.ENHANCING,), (Tissue.OEDEMA,)),
    "ET / NCR": ((Tissue.ENHANCING,), (Tissue.NECROSIS,)),
    "NCR / ED": ((Tissue.NECROSIS,), (Tissue.OEDEMA,)),
}

REAL_SEPARABILITY: dict[str, tuple[float, float, float, float]] = {
    "ED / healthy": (0.57, 0.51, 0.86, 0.98),
    "NCR / healthy": (0.47, 0.28, 0.95, 0.99),
    "ET / healthy": (0.70, 0.97, 0.91, 1.00),
    "ET / ED": (0.55, 0.99, 0.61, 0.63),
    "ET / NCR": (0.65, 0.99, 0.45, 0.47),
    "NCR / ED": (0.32, 0.24, 0.89, 0.76),
}
"""Median area under the ROC curve over 14 real glioma cases, contrasts in the order T1, T1CE, T2, FLAIR."""

VOXELS = 4000
SMALLEST_CLASS = 500


def area_under_curve(first: np.ndarray, second: np.ndarray) -> float:
    """Probability that a value of ``first`` exceeds one of ``second``; ties count half."""
    ranks = stats.rankdata(np.concatenate((first, second)))
    total = ranks[: first.size].sum() - first.size * (first.size + 1) / 2.0
    return float(total / (first.size * second.size))


def separability(cases: Sequence[Case], seed: int = 0) -> dict[str, np.ndarray]:
    """Median over cases of each pair's area under the curve.

    Parameters
    ----------
    cases
        Synthetic studies; a class counts in a case with more than 500 voxels, of which 4000 are drawn.
    seed
        Of the voxel draw.

    Returns
    -------
    dict
        Pair to four values in [0, 1], NaN without a case.
    """
    random = np.random.default_rng(seed)
    table = {}
    for pair, (first, second) in PAIRS.items():
        rows = []
        for case in cases:
            masks = [np.isin(case.tissue, [int(tissue) for tissue in group]) for group in (first, second)]
            if min(mask.sum() for mask in masks) <= SMALLEST_CLASS:
                continue
            row = []
            for image in case.images:
                values = [random.permutation(image[mask])[:VOXELS] for mask in masks]
                row.append(area_under_curve(*values))
            rows.append(row)
        table[pair] = np.median(rows, axis=0) if rows else np.full(len(CONTRASTS), np.nan)
    return table
