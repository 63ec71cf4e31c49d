"""Commands that measure models: ``evaluate``, ``compare``, ``checks``, ``ablate`` and ``gate``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cloe.cli.mode import add_mode, mode_of
from cloe.evaluation.held_out import FIRST_HELD_OUT_SEED, check_held_out
from cloe.specification import BRAIN_GLIOMA, subsets

if TYPE_CHECKING:
    from cloe.evaluation.experts import TumourPatch
    from cloe.evaluation.studies import LabelledStudy
    from cloe.inference.bundle import Bundle

PHANTOMS = "phantoms"
STRENGTHS = (0.0, 0.33, 0.67, 1.0)
"""Of the corruptions in the picture."""


def add_evaluate(commands: argparse._SubParsersAction) -> None:
    """Register ``evaluate``."""
    parser = commands.add_parser(
        "evaluate",
        help="scores per subset on held-out phantoms or labelled cases: tables and pictures",
        description="Segments every case from every subset of the modalities with the bundle's graphs and writes "
        "README.md, results.json, table.csv, rows.csv and pictures. Goes on where an interrupted run stopped.",
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the report")
    parser.add_argument("--name", help="name of the measurement in the report and in the model card")
    parser.add_argument("--tested-on", help="one sentence about the data, for the report")
    _add_segmentation(parser)
    parser.add_argument("--pictures", type=int, default=1, help="cases to paint; 0 for none")
    parser.add_argument("--corruption-cases", type=int, default=2, help="cases for the picture of weights; 0 for none")
    parser.set_defaults(run=_evaluate)


def _add_segmentation(parser: argparse.ArgumentParser) -> None:
    """Which studies are segmented from which subsets, and how."""
    parser.add_argument("--data", required=True, help=f"folder of labelled cases, or '{PHANTOMS}'")
    parser.add_argument("--subsets", help="comma-separated, for example T1,T1+T2; all by default")
    _add_studies(parser)
    add_mode(parser)
    parser.add_argument("--threads", type=int, default=0, help="of ONNX Runtime; 0 lets it choose")


def _add_studies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", type=int, help="number of phantoms (10), or at most so many labelled cases (all)")
    parser.add_argument("--coarsen", type=float, default=1.0, help="take voxels so many times as large")
    parser.add_argument("--seed", type=int, default=FIRST_HELD_OUT_SEED, help="of the phantoms")
    parser.add_argument("--spacings", default="2.0", help="voxel sizes of the phantoms in mm, comma-separated")
    parser.add_argument("--no-label-maps", action="store_true", help="phantoms of procedural anatomies only")


def _wanted_subsets(chosen: argparse.Namespace, modalities: Sequence[str]) -> list[list[str]]:
    if chosen.coarsen < 1:
        raise ValueError("--coarsen takes a factor from 1 on")
    if chosen.subsets:
        return [name.split("+") for name in chosen.subsets.split(",")]
    return [[modalities[index] for index in subset] for subset in subsets(len(modalities))]


def _evaluate(chosen: argparse.Namespace) -> int:
    from cloe.evaluation.evaluate import RowStore, evaluate
    from cloe.evaluation.report import REPORT, Provenance, write_report
    from cloe.evaluation.table import summarise
    from cloe.inference.bundle import WHOLE_CROP, Bundle

    bundle = Bundle(chosen.bundle, chosen.threads)
    wanted = _wanted_subsets(chosen, bundle.specification.modalities)
    source = _Source.of(chosen, bundle.manifest["orientation"])
    mode = mode_of(chosen)
    settings = {"model": bundle.digest(), "data": source.key, "coarsen": chosen.coarsen, "mode": asdict(mode)}
    store = RowStore(chosen.out / "rows.jsonl", settings)
    shown = _Pictures(bundle, chosen.pictures)
    rows = evaluate(bundle, source.studies(), wanted, store, chosen.coarsen, mode=mode, shown=shown)
    if chosen.pictures and not shown.complete(chosen.out, wanted):
        # An earlier call measured some of what shall be painted, and kept the scores alone.
        with TemporaryDirectory() as folder:
            painted = [subset for subset in wanted if shown.wants(subset)]
            again = RowStore(Path(folder) / "rows.jsonl", settings)
            evaluate(
                bundle,
                islice(source.studies(), chosen.pictures),
                painted,
                again,
                chosen.coarsen,
                mode=mode,
                shown=shown,
            )
    manifest = bundle.manifest
    tested_on = chosen.tested_on or source.sentence
    if chosen.coarsen > 1:
        tested_on += f"; segmented with voxels {chosen.coarsen:g} times as large, scored on the original grid"
    whole = mode.whole_crop and any(graph["use"] == WHOLE_CROP for graph in manifest.get("extraGraphs", ()))
    tested_on += "; at once where a graph suits the crop, else by windows" if whole else "; by windows"
    provenance = Provenance(
        name=chosen.name or source.name,
        model=f"{manifest['id']} {manifest['version']} ({bundle.digest()[:12]})",
        trained_on=_trained_on(manifest["training"]),
        tested_on=tested_on,
    )
    pictures = shown.save(chosen.out)
    if chosen.corruption_cases > 0:
        pictures |= _corruption_picture(bundle, source, chosen)
    write_report(chosen.out, provenance, summarise(rows), rows, pictures)
    print((chosen.out / REPORT).read_text())
    return 0


def add_compare(commands: argparse._SubParsersAction) -> None:
    """Register ``compare``."""
    parser = commands.add_parser(
        "compare",
        help="how far another bundle parts from a bundle on whole studies; exit status 1 if too far",
        description="Segments every study from every subset with both bundles and prints, per subset, the worst over "
        "the studies: equal labels, Dice of one mask against the other, difference of the weights. For half precision, "
        "another overlap, or a new export.",
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("other", type=Path)
    _add_segmentation(parser)
    parser.add_argument("--labels", type=float, default=0.995, help="smallest share of equal labels (0.995)")
    parser.add_argument("--weights", type=float, default=0.02, help="largest difference of a weight (0.02)")
    parser.set_defaults(run=_compare)


def _compare(chosen: argparse.Namespace) -> int:
    from cloe.evaluation.comparison import Difference, compare, table, worst
    from cloe.inference.bundle import Bundle

    first, second = Bundle(chosen.bundle, chosen.threads), Bundle(chosen.other, chosen.threads)
    wanted = _wanted_subsets(chosen, first.specification.modalities)
    source = _Source.of(chosen, first.manifest["orientation"])
    found: dict[str, list[Difference]] = {}
    for study, difference in compare(first, second, source.studies(), wanted, chosen.coarsen, mode_of(chosen)):
        found.setdefault(difference.subset, []).append(difference)
        print(f"{study} {difference.subset}: {difference.labels:.3%} equal", flush=True)
    if not found:
        raise ValueError("there was no study to compare on")
    rows = [worst(differences) for differences in found.values()]
    print(f"\nWorst of {len(next(iter(found.values())))} studies ({source.sentence}):\n\n{table(rows)}")
    apart = [row.subset for row in rows if not row.within(chosen.labels, chosen.weights)]
    print(f"too far apart: {', '.join(apart)}" if apart else "close enough")
    return 1 if apart else 0


class _Source:
    """Where the studies come from, and how the report says it."""

    def __init__(self, name: str, sentence: str, key: dict[str, Any], open_studies: Any) -> None:  # noqa: ANN401
        self.name = name
        self.sentence = sentence
        self.key = key
        self.studies = open_studies

    @staticmethod
    def of(chosen: argparse.Namespace, orientation: str) -> _Source:
        from cloe.evaluation.studies import folder_studies, phantom_studies
        from cloe.training.pool import load_shared_anatomies

        if chosen.data != PHANTOMS:
            folder = Path(chosen.data)
            if not folder.is_dir():
                raise ValueError(f"--data takes a folder of labelled cases or '{PHANTOMS}'")

            def cases() -> Iterator[LabelledStudy]:
                return islice(folder_studies(folder, orientation), chosen.cases)

            return _Source(folder.name, f"labelled cases of {folder.name}", {"folder": folder.name}, cases)
        check_held_out(chosen.seed)
        spacings = [float(value) for value in chosen.spacings.split(",")]
        anatomies = load_shared_anatomies(not chosen.no_label_maps)
        kinds = "procedural anatomies and label maps" if anatomies else "procedural anatomies"

        def phantoms() -> Iterator[LabelledStudy]:
            return phantom_studies(chosen.seed, 10 if chosen.cases is None else chosen.cases, spacings, anatomies)

        return _Source(
            "held-out phantoms",
            f"synthetic studies, seed {chosen.seed}, never trained on; {kinds}; voxels {chosen.spacings} mm",
            {"seed": chosen.seed, "spacings": spacings, "anatomies": len(anatomies)},
            phantoms,
        )


class _Pictures:
    """Keeps the first studies' slices while they are evaluated."""

    def __init__(self, bundle: Bundle, count: int) -> None:
        self._specification = bundle.specification
        self._count = count
        self._kept: dict[str, Any] = {}

    def __call__(self, study: LabelledStudy, subset: str, channels: Any) -> None:  # noqa: ANN401
        from cloe.evaluation.pictures import SlicePicture

        if study.name not in self._kept and len(self._kept) >= self._count:
            return
        if self.wants(subset.split("+")):
            if study.name not in self._kept:
                self._kept[study.name] = SlicePicture(study, self._specification.class_names)
            self._kept[study.name].add(subset, channels)

    def wants(self, subset: Sequence[str]) -> bool:
        """Whether a subset is painted: single modalities and all together."""
        return len(subset) in (1, len(self._specification.modalities))

    def complete(self, folder: Path, subsets: Sequence[Sequence[str]]) -> bool:
        """Whether every picture is on disk or can be painted from what was kept."""
        wanted = sum(self.wants(subset) for subset in subsets)
        kept = [picture for picture in self._kept.values() if len(picture.predicted) == wanted]
        return len(kept) == len(self._kept) and (len(kept) > 0 or (folder / "slices-1.png").exists())

    def save(self, folder: Path) -> dict[str, str]:
        """Write the pictures; file name to caption. Names of studies do not appear in them."""
        captions = {f"slices-{n}.png": f"Case {n}: truth above, predictions below" for n in range(1, 1 + self._count)}
        for file, picture in zip(captions, self._kept.values(), strict=False):
            picture.save(folder / file)
        return {file: text for file, text in captions.items() if (folder / file).exists()}


def _corruption_picture(bundle: Bundle, source: _Source, chosen: argparse.Namespace) -> dict[str, str]:
    from cloe.evaluation.gate import corruption_curves
    from cloe.evaluation.pictures import save_corruption_picture

    count = len(bundle.specification.modalities)
    if not any(graph["gate"] == "computed" for graph in bundle.manifest["graphs"]):
        return {}
    file = "weights-corruption.png"
    caption = (
        f"Weight of one spoilt modality among {count}, by kind and strength of the corruption; mean over "
        f"{chosen.corruption_cases} cases, one window around the tumour each. Dashed: equal weights."
    )
    if (chosen.out / file).exists():
        return {file: caption}

    studies = (_coarse(study, chosen.coarsen) for study in islice(source.studies(), chosen.corruption_cases))
    curves = corruption_curves(bundle, studies, STRENGTHS)
    save_corruption_picture(chosen.out / file, curves, STRENGTHS, 1.0 / count)
    return {file: caption}


def _trained_on(training: dict[str, Any]) -> str:
    parts = [str(training[key]) for key in ("data", "anatomies") if key in training]
    return "; ".join(parts) or "not stated in the bundle"


def add_checks(commands: argparse._SubParsersAction) -> None:
    """Register ``checks``."""
    parser = commands.add_parser(
        "checks",
        help="the eight checks of what training must show; exit status 1 if one fails",
        description="Rebuilds the network from the bundle, measures it on windows around tumours, clean and with one "
        "modality spoilt, compares it with the graphs, and writes README.md and checks.json. Exit status 1 if a check "
        "fails.",
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the report")
    parser.add_argument("--data", default=PHANTOMS, help=f"folder of labelled cases, or '{PHANTOMS}'")
    parser.add_argument("--tested-on", help="one sentence about the data, for the report")
    _add_studies(parser)
    parser.add_argument("--checkpoint", type=Path, help="measure this network, not the one rebuilt from the bundle")
    parser.add_argument("--log", type=Path, help="log.csv of the training, for check 5")
    parser.add_argument("--ablation", type=Path, help="results.json of cloe ablate, for checks 6 and 7")
    parser.add_argument("--no-study", action="store_true", help="leave out the comparison on a whole study (check 8)")
    parser.add_argument("--require-all", action="store_true", help="a check that was not run counts as failed")
    parser.set_defaults(run=_checks)


def _checks(chosen: argparse.Namespace) -> int:
    import torch

    from cloe.evaluation import checks
    from cloe.evaluation.experts import tumour_patch
    from cloe.evaluation.measurements import gate_shape, measure
    from cloe.evaluation.parity import study_agreement
    from cloe.export.parity import network_parity
    from cloe.export.restore import restore_network
    from cloe.inference.bundle import Bundle
    from cloe.training.checkpoint import load_network

    torch.set_num_threads(1)
    bundle = Bundle(chosen.bundle, threads=1)
    manifest, specification = bundle.manifest, bundle.specification
    network = load_network(chosen.checkpoint)[0] if chosen.checkpoint else restore_network(bundle)
    log = _read_log(chosen.log) if chosen.log else None
    source = _Source.of(chosen, manifest["orientation"])
    clip = float(manifest["normalisation"]["clip"])
    studies = (_coarse(study, chosen.coarsen) for study in source.studies())

    def patches() -> Iterator[TumourPatch]:
        for study in studies:
            print(f"measuring {study.name}", flush=True)
            yield tumour_patch(study, specification.modalities, bundle.window, clip)

    found = measure(network, specification, patches())
    ablation = json.loads(chosen.ablation.read_text()) if chosen.ablation else None
    agreement = None
    if not chosen.no_study:
        agreement = study_agreement(bundle, network, _coarse(next(source.studies()), chosen.coarsen))
    learned = network.configuration.fusion == "gate"
    verdicts = [
        *checks.check_corruption(found),
        *checks.check_quality(found, gate_shape(network.gate) if learned else None),
        *checks.check_usefulness(found),
        *checks.check_region(found),
        *checks.check_agreement(found, log),
        *checks.check_subsets(found, ablation),
        *checks.check_ablation(ablation),
        *checks.check_parity(network_parity(network, bundle), agreement),
    ]
    model = f"{manifest['id']} {manifest['version']} ({bundle.digest()[:12]})"
    tested_on = chosen.tested_on or source.sentence
    tested_on += (
        f"; {len(found.full)} windows of {'x'.join(str(size) for size in bundle.window)} voxels around the tumour"
    )
    if chosen.coarsen > 1:
        tested_on += f", voxels {chosen.coarsen:g} times as large"
    trained_on = _trained_on(manifest["training"])
    chosen.out.mkdir(parents=True, exist_ok=True)
    text = checks.report(model, trained_on, tested_on, verdicts)
    (chosen.out / "README.md").write_text(text)
    content = {
        "model": model,
        "trainedOn": trained_on,
        "testedOn": tested_on,
        "checks": [verdict.plain() for verdict in verdicts],
    }
    (chosen.out / "checks.json").write_text(json.dumps(content, indent=1) + "\n")
    print(text)
    bad = {checks.Outcome.FAILED, checks.Outcome.NOT_RUN} if chosen.require_all else {checks.Outcome.FAILED}
    return 1 if any(verdict.outcome in bad for verdict in verdicts) else 0


def _coarse(study: LabelledStudy, factor: float) -> LabelledStudy:
    from dataclasses import replace

    from cloe.evaluation.studies import coarse_labels, coarsen

    if factor == 1:
        return study
    spacing = tuple(size * factor for size in study.spacing)
    return replace(study, volumes=coarsen(study, factor), truth=coarse_labels(study.truth, factor), spacing=spacing)


def _read_log(path: Path) -> list[dict[str, float]]:
    import csv

    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    wanted = ("global", "regional", "experts")
    if not rows or not set(wanted) <= set(rows[0]):
        raise ValueError(f"{path.name} is no log of a training: it needs the columns {', '.join(wanted)}")
    return [{name: float(row[name]) for name in wanted} for row in rows]


def add_ablate(commands: argparse._SubParsersAction) -> None:
    """Register ``ablate``."""
    parser = commands.add_parser(
        "ablate",
        help="train a table of variants with the same data, seeds and budget, and compare them",
        description="Trains every row of a TOML file with every seed on the same phantoms, tests each on held-out "
        "phantoms and writes README.md and results.json. Goes on where an interrupted call stopped.",
    )
    parser.add_argument("matrix", type=Path, help="TOML file; see configs/ablation.toml")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs and the table")
    parser.add_argument("--pool", type=Path, required=True, help="pool folder; missing cases are made first")
    parser.set_defaults(run=_ablate)


def _ablate(chosen: argparse.Namespace) -> int:
    import torch

    from cloe.evaluation.ablation import read_matrix, run_matrix, table
    from cloe.evaluation.experts import tumour_patch
    from cloe.evaluation.studies import phantom_studies
    from cloe.training.checkpoint import load_network
    from cloe.training.pool import build_pool, load_shared_anatomies
    from cloe.training.sampling import CLIP
    from cloe.training.trainer import train

    matrix = read_matrix(chosen.matrix, BRAIN_GLIOMA)
    torch.set_num_threads(1)
    build_pool(
        chosen.pool,
        matrix.pool.cases,
        matrix.pool.seed,
        matrix.pool.label_maps,
        spacing=matrix.pool.spacing,
    )
    test = matrix.test
    anatomies = load_shared_anatomies(matrix.pool.label_maps)
    studies = phantom_studies(test.seed, test.cases, [test.spacing], anatomies)
    window = (test.window,) * 3
    patches = (tumour_patch(study, BRAIN_GLIOMA.modalities, window, CLIP) for study in studies)
    results = run_matrix(
        matrix,
        BRAIN_GLIOMA,
        chosen.out,
        lambda plan, run: load_network(train(plan, chosen.pool, run))[0],
        patches,
    )
    print(table(results))
    return 0


def add_gate(commands: argparse._SubParsersAction) -> None:
    """Register ``gate``."""
    parser = commands.add_parser("gate", help="how the weights react when one modality is spoilt, on held-out phantoms")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the results")
    parser.add_argument("--cases", type=int, default=10)
    parser.add_argument("--seed", type=int, default=FIRST_HELD_OUT_SEED)
    parser.add_argument("--spacing", type=float, default=2.0)
    parser.add_argument("--no-label-maps", action="store_true", help="procedural anatomies only")
    parser.set_defaults(run=_gate)


def _gate(chosen: argparse.Namespace) -> int:
    from cloe.evaluation.gate import gate_response
    from cloe.evaluation.studies import phantom_studies
    from cloe.inference.bundle import Bundle
    from cloe.training.pool import load_shared_anatomies

    check_held_out(chosen.seed)
    anatomies = load_shared_anatomies(not chosen.no_label_maps)
    studies = phantom_studies(chosen.seed, chosen.cases, [chosen.spacing], anatomies)
    source = (
        f"one window around the tumour of synthetic studies, all modalities, seed {chosen.seed}, never trained on; "
        f"voxels {chosen.spacing} mm; one modality at a time spoilt"
    )
    summary = {"source": source, **gate_response(Bundle(chosen.bundle), studies)}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps({"name": "weights with a spoilt modality", "summary": summary}, indent=1) + "\n")
    print(json.dumps(summary, indent=1))
    return 0


def add_speed(commands: argparse._SubParsersAction) -> None:
    """Register ``speed``."""
    parser = commands.add_parser(
        "speed",
        help="milliseconds per window and subset in PyTorch, to compare the graphs with",
        description="Rebuilds the network from the bundle and times one window of every subset in PyTorch, channels "
        "last. The worker's `cloe device check` tells the same of the graphs.",
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N")
    parser.add_argument("--precision", choices=("float32", "float16"), default="float32")
    parser.add_argument("--runs", type=int, default=10, help="windows per subset (10)")
    parser.add_argument("--threads", type=int, help="of the CPU; as many as it has cores by default")
    parser.add_argument("--json", type=Path, help="also write the times to this file")
    parser.set_defaults(run=_speed)


def _speed(chosen: argparse.Namespace) -> int:
    import torch

    from cloe.evaluation.speed import window_times
    from cloe.inference.bundle import Bundle

    if chosen.runs < 1:
        raise ValueError("--runs must be at least 1")
    if chosen.threads is not None:
        torch.set_num_threads(chosen.threads)
    milliseconds: dict[str, float] = {}
    for found in window_times(Bundle(chosen.bundle), chosen.device, chosen.precision, chosen.runs):
        if not milliseconds:
            print(f"PyTorch {torch.__version__}, channels_last_3d, {chosen.precision}, {chosen.device}; ms per window")
        name = "+".join(found.modalities)
        milliseconds[name] = found.milliseconds
        print(f"{name:22} {found.milliseconds:10.1f}", flush=True)
    if chosen.json is not None:
        content = {
            "pytorch": torch.__version__,
            "device": chosen.device,
            "precision": chosen.precision,
            "windowMs": milliseconds,
        }
        chosen.json.write_text(json.dumps(content, indent=1) + "\n")
    return 0
