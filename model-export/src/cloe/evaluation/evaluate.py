"""Evaluate a bundle on labelled studies, for any choice of subsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloe.evaluation.dice import region_dice
from cloe.inference.bundle import Bundle
from cloe.inference.pipeline import segment
from cloe.inference.study import find_scans
from cloe.nifti import load_volume
from cloe.phantom.anatomy import Anatomy
from cloe.phantom.case import make_case
from cloe.phantom.contrast import CONTRASTS
from cloe.specification import subset_name

ENHANCING_BEFORE_2023 = 4
ENHANCING = 3


@dataclass(frozen=True)
class LabelledStudy:
    """Volumes by modality, (z, y, x) in the bundle's orientation, and the true class channels."""

    name: str
    volumes: dict[str, np.ndarray]
    truth: np.ndarray


def phantom_studies(
    seed: int, count: int, spacings: Sequence[float], anatomies: Sequence[Anatomy]
) -> Iterator[LabelledStudy]:
    """Synthetic studies; spacings take turns."""
    for index in range(count):
        case = make_case((seed, index), spacings[index % len(spacings)], anatomies)
        volumes = dict(zip(CONTRASTS, case.images, strict=True))
        yield LabelledStudy(f"phantom-{seed}-{index}", volumes, case.labels)


def folder_studies(folder: Path, orientation: str) -> Iterator[LabelledStudy]:
    """Studies on disk, one folder each, with a segmentation in BraTS coding (4 counts as 3)."""
    for study in sorted(path for path in folder.iterdir() if path.is_dir()):
        scans = find_scans(study)
        if "SEG" not in scans:
            continue
        truth = np.rint(load_volume(scans.pop("SEG"), orientation).data).astype(np.uint8)
        truth[truth == ENHANCING_BEFORE_2023] = ENHANCING
        volumes = {name: load_volume(path, orientation).data for name, path in scans.items()}
        yield LabelledStudy(study.name, volumes, truth)


def evaluate(
    bundle: Bundle, studies: Iterable[LabelledStudy], subsets: Sequence[Sequence[str]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Dice of every region for every subset.

    Returns
    -------
    summary
        ``cases``, ``perSubset`` (mean Dice per region; a region that is empty in truth and prediction
        scores 1), ``mean`` over the subsets, and ``meanWherePresent`` over the studies whose truth holds
        the region.
    rows
        One entry per study and subset, with weights.
    """
    rows = []
    names: set[str] = set()
    for study in studies:
        names.add(study.name)
        for subset in subsets:
            result = segment(bundle, {name: study.volumes[name] for name in subset})
            scores = region_dice(bundle.specification, result.channels, study.truth)
            rows.append(
                {
                    "study": study.name,
                    "subset": subset_name(result.modalities),
                    "dice": scores,
                    "present": {
                        region: bool(np.isin(study.truth, bundle.specification.region_indices(region)).any())
                        for region in scores
                    },
                    "weights": dict(zip(result.modalities, result.scores.weights.tolist(), strict=True)),
                }
            )
            shown = " ".join(f"{region} {value:.3f}" for region, value in scores.items())
            print(f"{study.name} {rows[-1]['subset']}: {shown}", flush=True)
    regions = list(bundle.specification.regions)
    per_subset: dict[str, dict[str, float]] = {}
    for subset in dict.fromkeys(row["subset"] for row in rows):
        chosen = [row["dice"] for row in rows if row["subset"] == subset]
        per_subset[subset] = {region: round(float(np.mean([d[region] for d in chosen])), 4) for region in regions}
    mean = {region: round(float(np.mean([s[region] for s in per_subset.values()])), 4) for region in regions}
    present = {
        region: round(float(np.mean(found)), 4)
        for region in regions
        if (found := [row["dice"][region] for row in rows if row["present"][region]])
    }
    return {"cases": len(names), "perSubset": per_subset, "mean": mean, "meanWherePresent": present}, rows
