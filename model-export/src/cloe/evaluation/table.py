"""From rows to the table of subsets, with intervals by patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from cloe.evaluation.evaluate import Row

MEAN = "mean"
"""Name of the line that averages the subsets."""

RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A mean over patients with a bootstrap 95 % interval; the bounds are ``None`` for fewer than two patients."""

    mean: float
    median: float
    low: float | None
    high: float | None

    def plain(self) -> dict[str, float | None]:
        """As rounded values that JSON can hold."""
        values = {"mean": self.mean, "median": self.median, "low": self.low, "high": self.high}
        return {name: None if value is None else round(value, 4) for name, value in values.items()}


def estimate(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean, median and percentile bootstrap interval of one value per patient.

    Raises
    ------
    ValueError
        Without a value.
    """
    if not len(values):
        raise ValueError("no patient to average over")
    sample = np.asarray(values, np.float64)
    low = high = None
    if len(sample) > 1:
        interval = stats.bootstrap(
            (sample,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(seed)
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return Estimate(float(sample.mean()), float(np.median(sample)), low, high)


METRICS = ("dice", "dice_post", "hd95")


def _value(row: Row, region: str, metric: str) -> float:
    return float(getattr(row.scores[region], metric))


def subset_table(rows: Sequence[Row], metric: str) -> dict[str, dict[str, Estimate]]:
    """One line per subset and one for their mean; columns are regions.

    The mean line first averages each patient over the subsets, then the patients, so that its interval is by patient
    too. Patients that lack a subset are left out of that line.
    """
    order = list(dict.fromkeys(row.subset for row in rows))
    regions = list(rows[0].scores) if rows else []
    table = {
        subset: {
            region: estimate([_value(row, region, metric) for row in rows if row.subset == subset])
            for region in regions
        }
        for subset in order
    }
    complete = [
        own
        for study in dict.fromkeys(row.study for row in rows)
        if len(own := [row for row in rows if row.study == study]) == len(order)
    ]
    if complete:
        table[MEAN] = {
            region: estimate([float(np.mean([_value(row, region, metric) for row in own])) for own in complete])
            for region in regions
        }
    return table


def presence(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Per region, what the means hide where the truth is empty in some cases.

    Returns
    -------
    dict
        ``casesWithRegion``; ``diceWherePresent``, the mean over rows whose truth holds the region;
        ``falseAlarmRate``, the share of rows without it in truth in which some of it was predicted. ``None`` where
        there is no such row.
    """
    found = {}
    for region in rows[0].scores if rows else ():
        present = [row.scores[region] for row in rows if row.scores[region].truth_voxels]
        absent = [row.scores[region] for row in rows if not row.scores[region].truth_voxels]
        found[region] = {
            "casesWithRegion": len({row.study for row in rows if row.scores[region].truth_voxels}),
            "diceWherePresent": round(float(np.mean([score.dice for score in present])), 4) if present else None,
            "falseAlarmRate": (
                round(float(np.mean([score.predicted_voxels > 0 for score in absent])), 4) if absent else None
            ),
        }
    return found


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything the report shows, as plain values.

    Returns
    -------
    dict
        ``cases``; ``perSubset`` and ``mean`` (mean raw Dice, as the model card shows it); ``tables``: per metric the
        estimates of every line; ``presence``; ``weights``: mean weight per subset and modality.
    """
    if not rows:
        raise ValueError("nothing was measured")
    tables = {metric: subset_table(rows, metric) for metric in METRICS}
    means = {
        line: {region: round(entry.mean, 4) for region, entry in columns.items()}
        for line, columns in tables["dice"].items()
    }
    return {
        "cases": len({row.study for row in rows}),
        "perSubset": {line: columns for line, columns in means.items() if line != MEAN},
        **({"mean": means[MEAN]} if MEAN in means else {}),
        "tables": {
            metric: {line: {region: e.plain() for region, e in columns.items()} for line, columns in table.items()}
            for metric, table in tables.items()
        },
        "presence": presence(rows),
        "weights": _mean_weights(rows),
    }


def _mean_weights(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    found = {}
    for subset in dict.fromkeys(row.subset for row in rows):
        own = [row.weights for row in rows if row.subset == subset and row.weights]
        if own:
            found[subset] = {name: round(float(np.mean([w[name] for w in own])), 4) for name in own[0]}
    return found
