"""The ``cloe`` command."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cloe.cli.evaluation import add_ablate, add_checks, add_compare, add_evaluate, add_gate, add_speed
from cloe.cli.mode import add_mode, mode_of
from cloe.cli.training import add_fit_gate, add_train
from cloe.specification import BRAIN_GLIOMA, SPECIFICATIONS

if TYPE_CHECKING:
    from cloe.model.build import Network
    from cloe.specification import Specification

NOTES_ON_PHANTOMS = (
    "The weights were trained on synthetic studies only, made by `cloe phantom`'s generator. No scan and no mask of a "
    "patient was used to train them. Synthetic scans are easier than real ones: see the gap between the tables.",
    "The generator's class means were calibrated on the intensity statistics of 14 real glioma cases (means and "
    "separabilities per class): a mild leak of contrast statistics.",
    "Where the anatomies are label maps, they are SynthSeg's (Apache-2.0): B. Billot et al., SynthSeg: Segmentation of "
    "brain MRI scans of any contrast and resolution without retraining, Medical Image Analysis 86, 2023. The maps "
    "themselves are not part of this bundle.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status is 0 on success, 1 where a check failed or the input was refused."""
    parser = argparse.ArgumentParser(prog="cloe", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for add in (
        _add_phantom,
        add_train,
        add_fit_gate,
        _add_export,
        _add_half,
        _add_card,
        _add_verify,
        _add_infer,
        add_evaluate,
        add_compare,
        add_checks,
        add_ablate,
        add_gate,
        add_speed,
    ):
        add(commands)
    chosen = parser.parse_args(arguments)
    try:
        return chosen.run(chosen)
    except (ValueError, FileNotFoundError) as failure:
        print(f"cloe: {failure}", file=sys.stderr)
        return 1


def _add_phantom(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("phantom", help="write synthetic studies as NIfTI")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spacing", type=float, default=2.0, help="voxel size in mm")
    parser.add_argument("--label-maps", action="store_true", help="also use the label maps of the data folder")
    parser.set_defaults(run=_phantom)


def _phantom(chosen: argparse.Namespace) -> int:
    from cloe.phantom.case import make_case
    from cloe.phantom.writer import write_case
    from cloe.training.pool import load_shared_anatomies

    anatomies = load_shared_anatomies(chosen.label_maps)
    for index in range(chosen.cases):
        case = make_case((chosen.seed, index), chosen.spacing, anatomies)
        name = f"phantom-{chosen.seed}-{index:03d}"
        write_case(chosen.out / name, case)
        print(f"{name}: {case.description}, {case.labels.shape[::-1]} voxels of {case.spacing} mm")
    return 0


def _add_export(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("export", help="write a model bundle from a checkpoint, or anew from a bundle")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path)
    source.add_argument("--bundle", type=Path, help="a bundle in full precision, to write its graphs anew")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--id", dest="identifier")
    parser.add_argument("--version")
    parser.add_argument("--window", type=int, nargs=3, metavar=("Z", "Y", "X"))
    parser.add_argument("--overlap", type=float, help="part of a window that neighbours share")
    parser.add_argument("--spacing", type=float, nargs=2, metavar=("MIN", "MAX"), help="voxel sizes trained on, in mm")
    parser.add_argument("--pool", type=Path, help="pool of the training, to describe it in the card")
    parser.add_argument("--pair-consistency", action="store_true", help="graphs that compute the consistency of pairs")
    parser.add_argument(
        "--whole-crop",
        type=_shape,
        action="append",
        default=[],
        metavar="Z,Y,X",
        help="graphs that take crops of up to this shape at once; may be repeated",
    )
    parser.add_argument(
        "--small-window", type=_shape, metavar="Z,Y,X", help="graphs for a device that runs out of memory"
    )
    parser.set_defaults(run=_export)


def _shape(text: str) -> tuple[int, int, int]:
    sizes = tuple(int(part) for part in text.split(","))
    if len(sizes) != 3 or any(size < 8 or size % 8 for size in sizes):
        raise argparse.ArgumentTypeError("three multiples of 8, such as 144,176,144")
    return sizes


def _export(chosen: argparse.Namespace) -> int:
    from dataclasses import replace

    from cloe.export.bundle import BundleDescription, description_of, write_bundle
    from cloe.export.restore import restore_network
    from cloe.inference.bundle import Bundle
    from cloe.training.checkpoint import load_network

    if chosen.bundle is not None:
        source = Bundle(chosen.bundle)
        source.check_files()
        network, description = restore_network(source), description_of(source)
    else:
        network, content = load_network(chosen.checkpoint)
        description = BundleDescription(_task(content), training=_training(content, network, chosen.pool))
    given = {
        "identifier": chosen.identifier,
        "version": chosen.version,
        "window": tuple(chosen.window) if chosen.window else None,
        "overlap": chosen.overlap,
        "spacing_mm": tuple(chosen.spacing) if chosen.spacing else None,
        "pair_consistency": chosen.pair_consistency,
        "whole_crop": tuple(chosen.whole_crop),
        "small_window": chosen.small_window,
    }
    description = replace(description, **{name: value for name, value in given.items() if value is not None})
    write_bundle(network, chosen.out, description)
    print(f"bundle written: {chosen.out}")
    return 0


def _training(content: dict, network: Network, pool: Path | None) -> dict:
    from cloe.training.pool import anatomy_shares

    plan, about = content["plan"], content.get("about") or {}
    training = {
        "data": "; ".join(about.get("data", ()))
        or f"{content['poolCases']} synthetic studies, voxels of 1.0 to 2.5 mm",
        "steps": f"{content['step']} of {plan['steps']}",
        "batch": plan["batch"],
        "patches": f"{plan['patch']}, later also {plan['large_patch']} voxels per axis",
        "seed": plan["seed"],
        "network": asdict(network.configuration),
    }
    if _task(content) == BRAIN_GLIOMA:
        synthetic_only = "labelled scans" not in training["data"]
        training["notes"] = list(NOTES_ON_PHANTOMS if synthetic_only else NOTES_ON_PHANTOMS[1:])
    if pool is not None:
        shares = anatomy_shares(pool)
        training["anatomies"] = f"{shares['procedural']:.0%} procedural, {shares['labelMaps']:.0%} SynthSeg label maps"
    return training


def _task(content: dict) -> Specification:
    return SPECIFICATIONS[(content.get("about") or {}).get("family", BRAIN_GLIOMA.family)]


def _add_half(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("half", help="write a bundle in half precision beside one in full precision")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="new folder")
    parser.set_defaults(run=_half)


def _half(chosen: argparse.Namespace) -> int:
    from cloe.export.half import write_half_bundle

    write_half_bundle(chosen.bundle, chosen.out)
    print(f"written: {chosen.out}; compare with: cloe compare {chosen.bundle} {chosen.out} --data FOLDER")
    return 0


def _add_card(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("card", help="put measured results into a bundle's manifest and card")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--measured", type=Path, nargs="+", required=True, help="files written by evaluate")
    parser.set_defaults(run=_card)


def _card(chosen: argparse.Namespace) -> int:
    from cloe.export.bundle import update_measured

    measured = {}
    for path in chosen.measured:
        content = json.loads(path.read_text())
        measured[content["name"]] = content["summary"]
    update_measured(chosen.bundle, measured)
    return 0


def _add_verify(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("verify", help="check digests, golden window and parity of a bundle")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="also compare the graphs with the trained network")
    parser.set_defaults(run=_verify)


def _verify(chosen: argparse.Namespace) -> int:
    from cloe.export.parity import check_golden, network_parity, oracle_parity
    from cloe.inference.bundle import Bundle
    from cloe.training.checkpoint import load_network

    bundle = Bundle(chosen.bundle)
    bundle.check_files()
    print("digests: ok")
    difference = check_golden(bundle)
    passed = difference <= bundle.manifest["golden"]["tolerance"]
    print(f"golden window: largest difference {difference:.1e}")
    comparisons = {"oracle": oracle_parity(bundle)}
    if chosen.checkpoint is not None:
        comparisons["network"] = network_parity(load_network(chosen.checkpoint)[0], bundle)
    for name, rows in comparisons.items():
        for row in rows:
            passed = passed and row.within()
            print(
                f"{name} {row.subset}: probabilities {row.probabilities:.1e}, gate {row.gate:.1e}, "
                f"equal labels {row.labels:.4%}{'' if row.within() else ' FAILED'}"
            )
    print("verified" if passed else "FAILED")
    return 0 if passed else 1


def _add_infer(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("infer", help="segment one study: mask.nii.gz and result.json")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--study", type=Path, required=True, help="folder with the study's volumes")
    parser.add_argument("--modalities", help="comma-separated; all that are there by default")
    parser.add_argument("--out", type=Path, required=True)
    add_mode(parser)
    parser.set_defaults(run=_infer)


def _infer(chosen: argparse.Namespace) -> int:
    from cloe.inference.bundle import Bundle
    from cloe.inference.pipeline import segment_files
    from cloe.inference.study import find_scans

    bundle = Bundle(chosen.bundle)
    known = bundle.specification.modalities
    scans = {name: path for name, path in find_scans(chosen.study).items() if name in known}
    wanted = chosen.modalities.split(",") if chosen.modalities else list(scans)
    order = [known[index] for index in bundle.specification.indices(wanted)]
    absent = [name for name in order if name not in scans]
    if absent:
        raise ValueError(f"the study lacks {absent}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    result = segment_files(bundle, {name: scans[name] for name in order}, chosen.out / "mask.nii.gz", mode_of(chosen))
    (chosen.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0
