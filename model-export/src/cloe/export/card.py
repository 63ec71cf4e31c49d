"""The model card, from the manifest's own content: no number stands in it that the manifest lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_card(manifest: Mapping[str, Any]) -> str:
    """Markdown text of a bundle's ``README.md``."""
    training = manifest["training"]
    regions = list(manifest["regions"])
    lines = [
        f"# {manifest['id']} {manifest['version']}: model card",
        "",
        "**NOT FOR CLINICAL USE.** A small demonstration model: it shows that the software works, not what the",
        "method can reach. Nothing it says about a patient may be relied on.",
        "",
        "## What it does",
        f"- Family `{manifest['family']}`: from any non-empty subset of {', '.join(manifest['modalities'])} "
        f"({2 ** len(manifest['modalities']) - 1} subsets)",
        f"  to a mask with the classes {', '.join(entry['name'] for entry in manifest['classes'])}, "
        f"coded as `{manifest['labelScheme']}`.",
        f"- Input: skull-stripped, co-registered volumes on one grid, voxels of {manifest['spacingMm']['min']} to "
        f"{manifest['spacingMm']['max']} mm. Window {manifest['window']} voxels.",
        "- Layout, preprocessing and outputs: `BUNDLE.md` beside the package that wrote it.",
        "",
        "## Training",
        *(f"- {name}: {_inline(value)}" for name, value in training.items() if name != "notes"),
        *(f"- {note}" for note in training.get("notes", ())),
        "",
        "## Measured",
    ]
    if not manifest["measured"]:
        lines.append("Nothing has been measured with this bundle yet.")
    for name, result in manifest["measured"].items():
        lines += ["", f"### {name}", *_result(result, regions)]
    lines += ["", "## Data and licences", *(f"- {line}" for line in DATA_NOTES), "", "## Limits"]
    lines += [f"- {line}" for line in LIMITS]
    return "\n".join(lines) + "\n"


DATA_NOTES = (
    "Real cases, where measured: BraTS 2021 training data (CC BY 4.0 and the TCIA data usage policy), U. Baid et al., "
    "The RSNA-ASNR-MICCAI BraTS 2021 Benchmark on Brain Tumor Segmentation and Radiogenomic Classification, "
    "arXiv:2107.02314, 2021; B. Menze et al., IEEE TMI 34(10), 2015; S. Bakas et al., Scientific Data 4:170117, 2017.",
    "Method: CLoE, arXiv:2603.09316; an independent implementation, not the authors' code or weights.",
)

LIMITS = (
    "With one modality the weight is 1 and consistency is undefined; with two the weights are 1/2 by symmetry: the "
    "gate acts from three modalities on.",
    "No test on children, after surgery, on other tumours, or on scans with faces, other spacings or other orders of "
    "preprocessing.",
)


def _result(result: Mapping[str, Any], regions: list[str]) -> list[str]:
    tables = ("perSubset", "mean", "spoilt")
    lines = [f"{key}: {_inline(value)}  " for key, value in result.items() if key not in tables]
    if "perSubset" in result:
        lines += ["", "| subset | " + " | ".join(f"Dice {region}" for region in regions) + " |"]
        lines.append("|" + "---|" * (len(regions) + 1))
        rows = {**result["perSubset"], **({"mean": result["mean"]} if "mean" in result else {})}
        for subset, scores in rows.items():
            lines.append(f"| {subset} | " + " | ".join(f"{scores[region]:.3f}" for region in regions) + " |")
    if "spoilt" in result:
        lines += [
            "",
            "| spoilt by | mean weight of the spoilt modality | lowest weight in | by modality |",
            "|---|---|---|---|",
        ]
        for kind, response in result["spoilt"].items():
            lines.append(
                f"| {kind} | {response['meanWeight']:.3f} | {response['lowestShare']:.0%} of windows "
                f"| {_inline(response['meanWeightByModality'])} |"
            )
    return lines


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {entry}" for name, entry in value.items())
    return str(value)
