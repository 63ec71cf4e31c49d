"""An evaluation as files: Markdown to read, CSV and JSON to compute with."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloe.evaluation.evaluate import Row
from cloe.evaluation.metrics import EMPTY_RULE, HD95_DEFINITION
from cloe.evaluation.table import METRICS

RESULTS = "results.json"
TABLE = "table.csv"
ROWS = "rows.csv"
REPORT = "README.md"

TITLES = {
    "dice": "Dice, raw",
    "dice_post": "Dice, predicted ET below 500 voxels of 1 mm counted as none",
    "hd95": "HD95 in mm",
}
DIGITS = {"dice": 3, "dice_post": 3, "hd95": 1}


@dataclass(frozen=True)
class Provenance:
    """What was measured with what; every table carries it.

    Attributes
    ----------
    name
        Of the measurement, also in the model card.
    model
        Id, version and the digest of the manifest.
    trained_on, tested_on
        One sentence each.
    """

    name: str
    model: str
    trained_on: str
    tested_on: str


def write_report(
    folder: Path,
    provenance: Provenance,
    summary: Mapping[str, Any],
    rows: Sequence[Row],
    pictures: Mapping[str, str],
) -> None:
    """Write ``README.md``, ``table.csv``, ``rows.csv`` and ``results.json``.

    Parameters
    ----------
    folder
        Where; made if it lacks.
    summary
        Of :func:`cloe.evaluation.table.summarise`.
    rows
        One per study and subset: they carry the studies' names.
    pictures
        File name in the folder to caption.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT).write_text(markdown(provenance, summary, pictures))
    _write_table(folder / TABLE, summary)
    _write_rows(folder / ROWS, rows)
    card = {key: summary[key] for key in ("cases", "perSubset", "mean") if key in summary}
    card["meanWherePresent"] = {
        region: entry["diceWherePresent"] for region, entry in summary["presence"].items() if entry["casesWithRegion"]
    }
    content = {
        "name": provenance.name,
        "model": provenance.model,
        "summary": {"source": provenance.tested_on, **card},
        "trainedOn": provenance.trained_on,
        "definitions": {"hd95": HD95_DEFINITION, "empty": EMPTY_RULE},
        "tables": summary["tables"],
        "presence": summary["presence"],
        "weights": summary["weights"],
    }
    (folder / RESULTS).write_text(json.dumps(content, indent=1) + "\n")


def markdown(provenance: Provenance, summary: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """The report as text."""
    lines = [
        f"# {provenance.model}: {provenance.name}",
        "",
        f"- Trained on: {provenance.trained_on}",
        f"- Tested on: {provenance.tested_on}; {summary['cases']} cases",
        "- Brackets: 95 % bootstrap interval over patients (percentile, 2000 resamples). Few patients make wide ones.",
        f"- Empty masks: {EMPTY_RULE}.",
        f"- HD95: {HD95_DEFINITION}.",
        "- Not comparable with published figures: other data, other training, other size.",
    ]
    for metric in METRICS:
        regions = [
            region
            for region in next(iter(summary["tables"][metric].values()))
            if metric != "dice_post" or region == "ET" or _differs(summary, region)
        ]
        if regions:
            lines += ["", f"## {TITLES[metric]}", "", *_table(summary["tables"][metric], regions, DIGITS[metric])]
    lines += ["", "## Where the truth holds the region, and where it does not", ""]
    lines += ["| region | cases with it | Dice where present | predicted where absent |", "|---|---|---|---|"]
    for region, entry in summary["presence"].items():
        lines.append(
            f"| {region} | {entry['casesWithRegion']} of {summary['cases']} | {_number(entry['diceWherePresent'], 3)} "
            f"| {_percent(entry['falseAlarmRate'])} |"
        )
    if summary["weights"]:
        lines += ["", "## Mean weight of the modalities", "", *_weights(summary["weights"])]
    for file, caption in pictures.items():
        lines += ["", f"![{caption}]({file})", "", caption]
    return "\n".join(lines) + "\n"


def _differs(summary: Mapping[str, Any], region: str) -> bool:
    tables = summary["tables"]
    return any(tables["dice"][line][region] != tables["dice_post"][line][region] for line in tables["dice"])


def _table(table: Mapping[str, Any], regions: Sequence[str], digits: int) -> list[str]:
    lines = ["| subset | " + " | ".join(regions) + " |", "|" + "---|" * (len(regions) + 1)]
    for line, columns in table.items():
        cells = [
            _number(columns[region]["mean"], digits)
            + (
                ""
                if columns[region]["low"] is None
                else f" [{columns[region]['low']:.{digits}f}, {columns[region]['high']:.{digits}f}]"
            )
            for region in regions
        ]
        lines.append(f"| {line} | " + " | ".join(cells) + " |")
    return lines


def _weights(weights: Mapping[str, Mapping[str, float]]) -> list[str]:
    names = max(weights.values(), key=len)
    lines = ["| subset | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 1)]
    for subset, values in weights.items():
        lines.append(f"| {subset} | " + " | ".join(_number(values.get(name), 3) for name in names) + " |")
    return lines


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _write_table(path: Path, summary: Mapping[str, Any]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["metric", "subset", "region", "mean", "median", "low", "high"])
        for metric, table in summary["tables"].items():
            for line, columns in table.items():
                for region, entry in columns.items():
                    writer.writerow([metric, line, region, entry["mean"], entry["median"], entry["low"], entry["high"]])


def _write_rows(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["study", "subset", "region", *METRICS, "truth_voxels", "predicted_voxels"])
        for row in rows:
            for region, s in row.scores.items():
                values = [round(s.dice, 5), round(s.dice_post, 5), round(s.hd95, 3), s.truth_voxels, s.predicted_voxels]
                writer.writerow([row.study, row.subset, region, *values])
