"""Run a bundle on labelled studies, for any choice of subsets, and keep one row per study and subset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloe.evaluation.metrics import RegionScore, SmallRegionRule, score_regions
from cloe.evaluation.studies import LabelledStudy, coarsen, enlarge
from cloe.inference.bundle import Bundle
from cloe.inference.pipeline import USUAL, Mode, segment
from cloe.specification import subset_name


@dataclass(frozen=True)
class Row:
    """Scores of one study segmented from one subset.

    Attributes
    ----------
    study, subset
        Names; the subset in bundle order, joined by ``+``.
    scores
        By region.
    weights
        By modality, mean over windows; empty for a model without weights.
    """

    study: str
    subset: str
    scores: dict[str, RegionScore]
    weights: dict[str, float]

    def plain(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return asdict(self)

    @staticmethod
    def of(values: dict[str, Any]) -> Row:
        """The inverse of :meth:`plain`."""
        scores = {region: RegionScore(**entry) for region, entry in values["scores"].items()}
        return Row(values["study"], values["subset"], scores, values["weights"])


class RowStore:
    """Rows in a file, one JSON document a line, so that an interrupted evaluation goes on where it stopped.

    Parameters
    ----------
    path
        The file.
    settings
        What decides the scores: model, data, grid. A file of other settings is refused.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path = path
        self.rows: list[Row] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            # A line cut off by a crash has no newline and is measured again.
            complete = path.read_text().rpartition("\n")[0].splitlines()
            if complete and json.loads(complete[0]) != settings:
                raise ValueError(f"{path.parent.name} holds results of another model or of other data: take a new one")
            self.rows = [Row.of(json.loads(line)) for line in complete[1:]]
        lines = [json.dumps(settings), *(json.dumps(row.plain()) for row in self.rows)]
        path.write_text("".join(f"{line}\n" for line in lines))

    def has(self, study: str, subset: str) -> bool:
        """Whether this measurement is done."""
        return any(row.study == study and row.subset == subset for row in self.rows)

    def add(self, row: Row) -> None:
        """Append a row; it is on disk when this returns."""
        self.rows.append(row)
        with self.path.open("a") as stream:
            stream.write(json.dumps(row.plain()) + "\n")


def evaluate(
    bundle: Bundle,
    studies: Iterable[LabelledStudy],
    subsets: Sequence[Sequence[str]],
    store: RowStore,
    factor: float = 1.0,
    rule: SmallRegionRule | None = None,
    mode: Mode = USUAL,
    shown: Callable[[LabelledStudy, str, np.ndarray], None] | None = None,
) -> list[Row]:
    """Segment every study from every subset and score it.

    Parameters
    ----------
    bundle
        The model, run through its ONNX graphs as users run it.
    studies
        On any grid.
    subsets
        Modality names, in any order.
    store
        Receives the rows; what it holds already is not measured again.
    factor
        Segment on a grid of this many times the voxel size. The mask is brought back: scores are always on the
        study's own grid.
    rule
        For small regions.
    mode
        How a study is segmented.
    shown
        Called with the study, the subset's name and the predicted channels, for pictures.

    Returns
    -------
    list of Row
        The store's rows of these subsets, measured now or before.
    """
    known = bundle.specification.modalities
    ordered = [[known[index] for index in bundle.specification.indices(subset)] for subset in subsets]
    names: set[str] = set()
    for study in studies:
        if study.name in names:
            raise ValueError("two studies share a name")
        names.add(study.name)
        missing = [subset for subset in ordered if not store.has(study.name, subset_name(subset))]
        volumes = coarsen(study, factor) if factor > 1 and missing else study.volumes
        for subset in missing:
            result = segment(bundle, {name: volumes[name] for name in subset}, mode)
            channels = enlarge(result.channels, factor, study.truth.shape) if factor > 1 else result.channels
            scores = score_regions(bundle.specification, channels, study.truth, study.spacing, rule)
            weights = (
                dict(zip(result.modalities, result.scores.weights.tolist(), strict=True))
                if result.gate != "none"
                else {}
            )
            store.add(Row(study.name, subset_name(subset), scores, weights))
            if shown is not None:
                shown(study, subset_name(subset), channels)
            text = " ".join(f"{region} {score.dice:.3f}" for region, score in scores.items())
            print(f"{study.name} {subset_name(subset)}: {text}", flush=True)
    wanted = {subset_name(subset) for subset in ordered}
    return [row for row in store.rows if row.study in names and row.subset in wanted]
