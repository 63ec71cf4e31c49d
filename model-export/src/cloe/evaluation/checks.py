"""The eight checks of what training must show, as plain functions from measurements to verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

import numpy as np
from scipy import stats

from cloe.evaluation.measurements import GATE_FROM, STRENGTHS, GateShape, Measurements, auc
from cloe.export.parity import LABEL_AGREEMENT, TOLERANCE, SubsetParity


class Outcome(Enum):
    """Of one line of a check."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Verdict:
    """One line of the report.

    Attributes
    ----------
    check
        1 to 8.
    claim
        What must hold.
    threshold, measured
        As text, with units where there are any.
    outcome
        What came of it.
    note
        Spread, or why it was not run.
    """

    check: int
    claim: str
    threshold: str
    measured: str
    outcome: Outcome
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {**asdict(self), "outcome": self.outcome.value}


SPOILT_SHARE = 0.6
LOWEST_SHARE = 0.9
CURVE_TOLERANCE = 0.01
CLEAN_BAND = 0.3
RANK_CORRELATION = 0.5
CLEAN_LOSS = 0.005
REGION_AUC = 0.9
REGION_RATIO = 3.0
COLLAPSE = 0.5
ECL_LOSS = 0.01
SEEDS = 3
ABLATION_ROWS = ("full", "no gate", "no MEC", "no REC", "mean fusion")
WITHOUT_ECL = "no ECL"


def _verdict(check: int, claim: str, threshold: str, measured: str, passed: bool, note: str = "") -> Verdict:
    return Verdict(check, claim, threshold, measured, Outcome.PASSED if passed else Outcome.FAILED, note)


def _not_run(check: int, claim: str, threshold: str, why: str) -> Verdict:
    return Verdict(check, claim, threshold, "-", Outcome.NOT_RUN, why)


NO_GATE = f"the gate acts from {GATE_FROM} modalities on"


def check_corruption(found: Measurements) -> list[Verdict]:
    """1: a spoilt modality loses weight, the more the worse it is; clean ones stay near equal."""
    claims = {
        "mean": ("a spoilt modality's mean weight falls well below equal shares", f"<= {SPOILT_SHARE} / |A|"),
        "lowest": ("a spoilt modality has the lowest weight", f"in >= {LOWEST_SHARE:.0%} of windows"),
        "curve": ("its weight falls as the corruption grows, for every kind", f"rises <= {CURVE_TOLERANCE} / |A|"),
        "clean": ("clean modalities keep about equal weights", f"mean within {CLEAN_BAND:.0%} of 1 / |A|"),
    }
    if not found.curves:
        return [_not_run(1, *claim, NO_GATE) for claim in claims.values()]
    ends = {kind: float(np.mean([curve[-1] for curve in curves])) for kind, curves in found.curves.items()}
    spoilt = float(np.mean([curve[-1] for curves in found.curves.values() for curve in curves]))
    lowest = float(np.mean(found.lowest))
    means = {kind: np.mean(curves, axis=0) for kind, curves in found.curves.items()}
    rises = {kind: float(np.diff(mean).max()) for kind, mean in means.items()}
    worst = max(rises, key=lambda kind: rises[kind])
    clean = np.mean(found.clean_shares, axis=0)
    return [
        _verdict(1, *claims["mean"], f"{spoilt:.2f} / |A|", spoilt <= SPOILT_SHARE, _list(ends)),
        _verdict(1, *claims["lowest"], f"in {lowest:.0%}", lowest >= LOWEST_SHARE, f"{len(found.lowest)} windows"),
        _verdict(
            1,
            *claims["curve"],
            f"{rises[worst]:+.3f} / |A| ({worst})",
            rises[worst] <= CURVE_TOLERANCE,
            f"strengths 0, {', '.join(f'{strength:.2f}' for strength in STRENGTHS)}",
        ),
        _verdict(
            1,
            *claims["clean"],
            f"{clean.min():.2f} to {clean.max():.2f} of 1 / |A|",
            bool(np.abs(clean - 1.0).max() <= CLEAN_BAND),
            f"single windows {np.min(found.clean_shares):.2f} to {np.max(found.clean_shares):.2f}",
        ),
    ]


def check_quality(found: Measurements, shape: GateShape | None) -> list[Verdict]:
    """2: the weight follows the expert's quality."""
    claim = (
        "weights rank as the experts' own Dice (Spearman, over window, subset and modality)",
        f"> {RANK_CORRELATION}",
    )
    rising = ("the gate rises with u and with v, on a grid of [0, 1]^2", "no step down, some up")
    verdicts = []
    records = [*found.experts_clean, *found.experts_spoilt]
    if records:
        value, clean = (_rank_correlation(some) for some in (records, found.experts_clean))
        note = f"clean windows alone {clean:.2f}"
        verdicts.append(_verdict(2, *claim, f"{value:.2f}", value > RANK_CORRELATION, note))
    else:
        verdicts.append(_not_run(2, *claim, NO_GATE))
    if shape is None:
        verdicts.append(_not_run(2, *rising, "the model has no learned gate"))
    else:
        text = f"smallest step {shape.along_u:+.4f} along u, {shape.along_v:+.4f} along v; whole rise {shape.rise:+.3f}"
        verdicts.append(_verdict(2, *rising, text, shape.rises()))
    return verdicts


def _rank_correlation(records: Sequence[Any]) -> float:
    shares, scores = [record.share for record in records], [record.dice for record in records]
    if len(set(shares)) < 2 or len(set(scores)) < 2:
        return 0.0
    return float(stats.spearmanr(shares, scores).statistic)


def check_usefulness(found: Measurements) -> list[Verdict]:
    """3: gating helps on spoilt windows and does not hurt on clean ones."""
    helps = ("gated minus equal weights, Dice on windows with a spoilt modality", "> 0")
    helps_et = ("the same for ET", "> 0")
    harmless = ("gated minus equal weights, Dice on clean windows", f">= {-CLEAN_LOSS}")
    if not found.fusions_spoilt:
        return [_not_run(3, *claim, NO_GATE) for claim in (helps, helps_et, harmless)]
    spoilt = [fusion.gated - fusion.uniform for fusion in found.fusions_spoilt]
    enhancing = [fusion.gated_et - fusion.uniform_et for fusion in found.fusions_spoilt]
    clean = [fusion.gated - fusion.uniform for fusion in found.fusions_clean]
    bounds = [np.mean([f.oracle - f.uniform for f in some]) for some in (found.fusions_spoilt, found.fusions_clean)]
    return [
        _gain(helps, spoilt, 0.0, True, f"weights by the experts' own Dice would give {bounds[0]:+.4f}"),
        _gain(helps_et, enhancing, 0.0, True),
        _gain(harmless, clean, -CLEAN_LOSS, False, f"weights by the experts' own Dice would give {bounds[1]:+.4f}"),
    ]


def _gain(claim: tuple[str, str], gains: Sequence[float], bound: float, strict: bool, note: str = "") -> Verdict:
    mean = float(np.mean(gains))
    error = float(np.std(gains) / np.sqrt(len(gains)))
    passed = mean > bound if strict else mean >= bound
    text = f"standard error {error:.4f}, {len(gains)} fusions"
    return _verdict(3, *claim, f"{mean:+.4f}", passed, f"{text}; {note}" if note else text)


def check_region(found: Measurements) -> list[Verdict]:
    """4: the region map finds the tumour, and consistency inside it tells experts apart."""
    area = ("region map against the true tumour, AUC", f"> {REGION_AUC}")
    ratio = ("region map inside over outside the tumour", f"> {REGION_RATIO}")
    better = ("regional consistency tells spoilt from intact at least as well as global, AUC", "v >= u")
    if not found.region_auc:
        return [_not_run(4, *claim, "no window held a tumour") for claim in (area, ratio, better)]
    mean = float(np.mean(found.region_auc))
    inside, outside = float(np.mean(found.region_inside)), float(np.mean(found.region_outside))
    verdicts = [
        _verdict(4, *area, f"{mean:.3f}", mean > REGION_AUC, f"lowest {min(found.region_auc):.3f}"),
        _verdict(
            4,
            *ratio,
            f"{inside / max(outside, 1e-9):.1f}",
            inside > REGION_RATIO * outside,
            f"{inside:.2f} / {outside:.3f}",
        ),
    ]
    if not found.experts_spoilt:
        return [*verdicts, _not_run(4, *better, NO_GATE)]
    intact = [record for record in found.experts_spoilt if not record.spoilt]
    spoilt = [record for record in found.experts_spoilt if record.spoilt]
    u, v = (
        auc(*(np.array([getattr(record, name) for record in some]) for some in (intact, spoilt)))
        for name in ("consistency_global", "consistency_regional")
    )
    return [*verdicts, _verdict(4, *better, f"v {v:.3f}, u {u:.3f}", v >= u)]


def check_agreement(found: Measurements, log: Sequence[Mapping[str, float]] | None) -> list[Verdict]:
    """5: experts come to agree, not by giving up."""
    falls = (
        "MEC and REC losses fall over the training, the experts' own loss does not rise",
        "last third < first third",
    )
    collapse = ("no expert gives up: tumour it predicts on clean windows over the truth", f">= {COLLAPSE}")
    verdicts = []
    if log is None:
        verdicts.append(_not_run(5, *falls, "needs the training's log: --log RUN/log.csv"))
    else:
        third = max(1, len(log) // 3)

        def change(name: str) -> float:
            first, last = ([entry[name] for entry in part] for part in (log[:third], log[-third:]))
            return float(np.mean(last) - np.mean(first))

        changes = {name: change(name) for name in ("global", "regional", "experts")}
        passed = changes["global"] < 0 and changes["regional"] < 0 and changes["experts"] <= 0
        verdicts.append(_verdict(5, *falls, _list(changes, "+.3f"), passed))
    shares = {name: predicted / max(1, true) for name, (predicted, true) in found.foreground.items()}
    last = {name: predicted / max(1, true) for name, (predicted, true) in found.enhancing.items()}
    lowest = min(shares, key=lambda name: shares[name])
    note = f"all: {_list(shares)}; of the last region: {_list(last)}"
    verdicts.append(_verdict(5, *collapse, f"{shares[lowest]:.2f} ({lowest})", shares[lowest] >= COLLAPSE, note))
    return verdicts


def check_subsets(found: Measurements, ablation: Mapping[str, Any] | None) -> list[Verdict]:
    """6: more modalities are better, and the extra losses cost nothing."""
    rises = ("mean Dice rises with the number of modalities", "each larger than the one before")
    without = ("Dice with all modalities against a model trained without ECL", f">= {-ECL_LOSS}")
    means = {size: float(np.mean(scores)) for size, scores in sorted(found.by_size.items())}
    steps = np.diff(list(means.values()))
    text = ", ".join(f"{size}: {value:.3f}" for size, value in means.items())
    verdicts = [_verdict(6, *rises, text, bool((steps > 0).all()), f"{len(found.full)} windows, every subset")]
    rows = (ablation or {}).get("rows", {})
    if WITHOUT_ECL in rows and "full" in rows:
        full, other = (float(np.mean([run["all"] for run in rows[name]["runs"]])) for name in ("full", WITHOUT_ECL))
        note = f"of the ablation's models, {ablation['setting']}"
        verdicts.append(_verdict(6, *without, f"{full - other:+.4f}", full - other >= -ECL_LOSS, note))
    else:
        verdicts.append(_not_run(6, *without, f"needs an ablation with the row '{WITHOUT_ECL}': --ablation FILE"))
    return verdicts


def check_ablation(ablation: Mapping[str, Any] | None) -> list[Verdict]:
    """7: the switches were trained, each row with the same seeds."""
    trained = ("every ablation row trained with the same seeds", f"{len(ABLATION_ROWS)} rows, >= {SEEDS} seeds")
    better = ("no row is better than the full model by more than the spread over seeds", "mean Dice over the subsets")
    if ablation is None:
        why = "needs the results of cloe ablate: --ablation FILE"
        return [_not_run(7, *trained, why), _not_run(7, *better, why)]
    rows = ablation["rows"]
    present = [name for name in ABLATION_ROWS if name in rows]
    seeds = {name: sorted(run["seed"] for run in rows[name]["runs"]) for name in present}
    same = len({tuple(some) for some in seeds.values()}) == 1
    fewest = min((len(some) for some in seeds.values()), default=0)
    complete = len(present) == len(ABLATION_ROWS) and same and fewest >= SEEDS
    text = f"{len(present)} rows, {fewest} seeds{'' if same else ', not the same'}"
    verdicts = [_verdict(7, *trained, text, complete, ablation["setting"])]
    if not complete:
        return [*verdicts, _not_run(7, *better, "the rows are not complete")]
    scores = {name: np.array([run["mean"] for run in rows[name]["runs"]]) for name in present}
    full = scores["full"]
    ahead = {name: float(score.mean() - full.mean()) for name, score in scores.items() if name != "full"}
    spread = max(float(score.std(ddof=1)) for score in scores.values())
    best = max(ahead, key=lambda name: ahead[name])
    note = f"full {full.mean():.4f}; spread over seeds {spread:.4f}; {_list(ahead, '+.4f')}"
    return [*verdicts, _verdict(7, *better, f"{ahead[best]:+.4f} ({best})", ahead[best] <= spread, note)]


def check_parity(rows: Sequence[SubsetParity], study_agreement: float | None) -> list[Verdict]:
    """8: the graphs say what the network says."""
    window = ("graphs equal the network for every subset: probabilities, weights, u, v", f"<= {TOLERANCE:.0e}")
    labels = ("equal labels for every subset", f"> {LABEL_AGREEMENT:.2%}")
    study = ("equal labels of a whole study in sliding windows", f"> {LABEL_AGREEMENT:.2%}")
    probability = max(row.probabilities for row in rows)
    gate = max(row.gate for row in rows)
    worst = min(row.labels for row in rows)
    text = f"{probability:.1e} probabilities, {gate:.1e} gate"
    verdicts = [
        _verdict(8, *window, text, max(probability, gate) <= TOLERANCE, f"{len(rows)} subsets"),
        _verdict(8, *labels, f"{worst:.4%}", worst > LABEL_AGREEMENT),
    ]
    if study_agreement is None:
        return [*verdicts, _not_run(8, *study, "left out")]
    return [*verdicts, _verdict(8, *study, f"{study_agreement:.4%}", study_agreement > LABEL_AGREEMENT)]


def _list(values: Mapping[str, float], form: str = ".2f") -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())


TITLES = (
    "A corrupted modality loses weight",
    "Weight follows expert quality",
    "Gating helps on corrupted cases and does not hurt on clean ones",
    "The region map finds the tumour",
    "Experts agree without giving up",
    "More modalities are better, ECL costs nothing",
    "Ablation rows",
    "Graphs equal the network",
)


def report(model: str, trained_on: str, tested_on: str, verdicts: Sequence[Verdict]) -> str:
    """Markdown text of the checks."""
    counts = {outcome: sum(verdict.outcome is outcome for verdict in verdicts) for outcome in Outcome}
    lines = [
        f"# {model}: the eight checks",
        "",
        f"- Trained on: {trained_on}",
        f"- Tested on: {tested_on}",
        f"- {counts[Outcome.PASSED]} passed, {counts[Outcome.FAILED]} failed, {counts[Outcome.NOT_RUN]} not run.",
        "",
        "u and v are the global and the regional consistency, |A| the number of modalities; equal weights are 1 / |A|.",
    ]
    for number, title in enumerate(TITLES, 1):
        lines += [
            "",
            f"## {number}. {title}",
            "",
            "| must hold | threshold | measured | | note |",
            "|---|---|---|---|---|",
        ]
        for verdict in verdicts:
            if verdict.check == number:
                cells = (verdict.claim, verdict.threshold, verdict.measured, verdict.outcome.value, verdict.note)
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
