"""Train a table of variants on the same data, seeds and budget, and compare them."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cloe.evaluation.experts import TumourPatch, region_dice
from cloe.evaluation.held_out import FIRST_HELD_OUT_SEED, check_held_out
from cloe.model.build import Network
from cloe.model.configuration import NetworkConfiguration, NetworkOutput
from cloe.model.losses import LossWeights
from cloe.specification import Specification, subset_name, subsets
from cloe.training.corruption import Corruption, corrupt
from cloe.training.sampling import Sampling
from cloe.training.trainer import TrainingPlan

FULL = "full"
RESULTS = "results.json"
REPORT = "README.md"


@dataclass(frozen=True)
class PoolChoice:
    """Phantoms to train on.

    Parameters
    ----------
    cases, seed
        As of ``cloe train``; the seed is below those kept for evaluation.
    label_maps
        Whether anatomies of the data folder are used, where there is one.
    spacing
        Millimetres per voxel; 0 for studies of different ones, as of ``cloe train``.
    """

    cases: int = 60
    seed: int = 20261
    label_maps: bool = False
    spacing: float = 0.0


@dataclass(frozen=True)
class TestChoice:
    """Held-out phantoms to test on: one window around the tumour of each.

    Parameters
    ----------
    cases, seed, spacing
        As of ``cloe evaluate``.
    window
        Voxels per axis.
    """

    cases: int = 12
    seed: int = FIRST_HELD_OUT_SEED
    spacing: float = 2.0
    window: int = 48


@dataclass(frozen=True)
class Row:
    """What one row of the table changes."""

    network: NetworkConfiguration
    weights: LossWeights
    sampling: Sampling


@dataclass(frozen=True)
class Matrix:
    """What to train.

    Parameters
    ----------
    seeds
        Every row is trained once with each.
    plan
        Of every row, up to the seed and what the row changes.
    rows
        By name.
    pool, test
        The same for all.
    """

    seeds: tuple[int, ...]
    plan: TrainingPlan
    rows: Mapping[str, Row]
    pool: PoolChoice
    test: TestChoice

    def plan_of(self, row: str, seed: int) -> TrainingPlan:
        """The plan of one run."""
        changed = self.rows[row]
        return dataclasses.replace(
            self.plan, seed=seed, network=changed.network, weights=changed.weights, sampling=changed.sampling
        )

    def setting(self, specification: Specification) -> str:
        """One sentence: trained on what, tested on what."""
        plan, test = self.plan, self.test
        maps = "procedural anatomies and label maps" if self.pool.label_maps else "procedural anatomies"
        voxels = f", {self.pool.spacing} mm" if self.pool.spacing else ""
        return (
            f"trained on {self.pool.cases} synthetic studies ({maps}, seed {self.pool.seed}{voxels}), "
            f"{plan.steps} steps of "
            f"{plan.batch} patches of {plan.patch} voxels per axis; tested on windows of {test.window} voxels around "
            f"the tumour of {test.cases} synthetic studies never trained on (seed {test.seed}, {test.spacing} mm), "
            f"{2 ** len(specification.modalities) - 1} subsets; "
            f"seeds {', '.join(str(seed) for seed in sorted(self.seeds))}"
        )


def read_matrix(path: Path, specification: Specification) -> Matrix:
    """Read a TOML file of the tables ``plan``, ``network``, ``weights``, ``sampling``, ``pool``, ``test`` and ``rows``.

    Raises
    ------
    ValueError
        For keys that mean nothing, a row without a name known to the tables, or seeds of the wrong kind.
    """
    content = tomllib.loads(path.read_text())
    _known(content, {"seeds", "plan", "network", "weights", "sampling", "pool", "test", "rows"}, "the file")
    seeds = tuple(content.get("seeds", (1, 2, 3)))
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError("seeds are at least one, each once")
    rows = content.get("rows", {})
    if FULL not in rows:
        raise ValueError(f"the rows need one named '{FULL}' to compare with")
    sizes = {"modalities": len(specification.modalities), "classes": len(specification.classes)}
    bases: dict[str, dict[str, Any]] = {
        "network": {**content.get("network", {}), **sizes},
        "weights": content.get("weights", {}),
        "sampling": {**content.get("sampling", {}), "modalities": sizes["modalities"]},
    }
    made = {}
    for name, changes in rows.items():
        _known(changes, set(bases), f"row '{name}'")
        merged = {table: {**base, **changes.get(table, {})} for table, base in bases.items()}
        made[name] = Row(
            _filled(NetworkConfiguration, merged["network"], f"row '{name}'"),
            _filled(LossWeights, merged["weights"], f"row '{name}'"),
            _filled(Sampling, merged["sampling"], f"row '{name}'"),
        )
    pool = _filled(PoolChoice, content.get("pool", {}), "pool")
    if pool.seed >= FIRST_HELD_OUT_SEED:
        raise ValueError(f"pool seeds from {FIRST_HELD_OUT_SEED} on are kept for evaluation")
    test = _filled(TestChoice, content.get("test", {}), "test")
    check_held_out(test.seed)
    return Matrix(seeds, _filled(TrainingPlan, content.get("plan", {}), "plan"), made, pool, test)


def _filled(kind: type, values: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
    _known(values, {field.name for field in dataclasses.fields(kind)}, where)
    return kind(**values)


def _known(values: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = set(values) - known
    if unknown:
        raise ValueError(f"{where} holds unknown keys {sorted(unknown)}; known: {sorted(known)}")


Runner = Callable[[TrainingPlan, Path], Network]
"""Trains a plan in a run folder, or goes on there, and returns the network in evaluation mode."""


def run_matrix(
    matrix: Matrix, specification: Specification, folder: Path, runner: Runner, patches: Iterable[TumourPatch]
) -> dict[str, Any]:
    """Train and test what is still missing; the report on disk is complete after every run.

    Seeds are the outer loop: an interrupted table has whole columns, which can be compared.

    Parameters
    ----------
    matrix, specification
        What to train.
    folder
        Receives ``runs/``, ``results.json`` and ``README.md``.
    runner
        The training.
    patches
        Held-out windows.
    """
    path = folder / RESULTS
    setting = matrix.setting(specification)
    results: dict[str, Any] = {"setting": setting, "rows": {}}
    if path.exists():
        results = json.loads(path.read_text())
        if results["setting"] != setting:
            raise ValueError(f"{folder.name} holds a table of another setting: take another folder")
    patches = list(patches)
    for seed in matrix.seeds:
        for row in matrix.rows:
            runs = results["rows"].setdefault(row, {"runs": []})["runs"]
            if any(run["seed"] == seed for run in runs):
                continue
            network = runner(matrix.plan_of(row, seed), folder / "runs" / f"{row.replace(' ', '-')}-{seed}")
            runs.append({"seed": seed, **score(network, specification, patches)})
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(results, indent=1) + "\n")
            (folder / REPORT).write_text(table(results))
            print(f"{row}, seed {seed}: mean Dice {runs[-1]['mean']:.4f}", flush=True)
    return results


@torch.inference_mode()
def score(network: Network, specification: Specification, patches: Sequence[TumourPatch]) -> dict[str, Any]:
    """Mean Dice over windows.

    Returns
    -------
    dict
        ``perSubset``: by subset and region; ``regions``: over the subsets; ``mean``: over subsets and regions; ``all``:
        with all modalities, over the regions; ``spoilt``: the same with one of them spoilt, each in turn;
        ``spoiltShare``: what that one then weighs, 1 for an equal share, or None for a network without weights.
    """
    # All windows at once: PyTorch leaves small convolutions of a single one to a kernel that is ten times as slow.
    volumes = np.stack([patch.volumes for patch in patches])
    truths = [patch.truth for patch in patches]
    network = network.to(memory_format=torch.channels_last_3d)
    per_subset: dict[str, dict[str, float]] = {}
    for subset in subsets(len(specification.modalities)):
        found = _dice(_run(network, volumes, subset).probabilities, truths, specification)
        per_subset[subset_name(specification.modalities[m] for m in subset)] = found
    regions = {
        region: float(np.mean([scores[region] for scores in per_subset.values()])) for region in specification.regions
    }
    full = per_subset[subset_name(specification.modalities)]
    return {
        "mean": float(np.mean(list(regions.values()))),
        "all": float(np.mean(list(full.values()))),
        "regions": regions,
        "perSubset": per_subset,
        **_spoilt(network, volumes, truths, specification),
    }


def _spoilt(
    network: Network, volumes: np.ndarray, truths: Sequence[np.ndarray], specification: Specification
) -> dict[str, float | None]:
    everything = tuple(range(len(specification.modalities)))
    scores, shares = [], []
    for channel in everything:
        changed = volumes.copy()
        for window, volume in enumerate(volumes):
            # Every kind about as often with every modality; a swap takes the next window's.
            kind = list(Corruption)[(window + channel) % len(Corruption)]
            other = volumes[(window + 1) % len(volumes), channel]
            random = np.random.default_rng([window, channel])
            changed[window, channel] = corrupt(random, volume[channel], kind, other)
        output = _run(network, changed, everything)
        scores += _dice(output.probabilities, truths, specification).values()
        if output.weights is not None:
            shares.append(float(output.weights[:, channel].mean()) * len(everything))
    return {"spoilt": float(np.mean(scores)), "spoiltShare": float(np.mean(shares)) if shares else None}


def _run(network: Network, volumes: np.ndarray, subset: tuple[int, ...]) -> NetworkOutput:
    given = torch.from_numpy(volumes[:, list(subset)]).to(memory_format=torch.channels_last_3d)
    return network.forward_subset(given, subset, shortcut=True)


def _dice(probabilities: Tensor, truths: Sequence[np.ndarray], specification: Specification) -> dict[str, float]:
    channels = probabilities.argmax(1).numpy().astype(np.uint8)
    found = [region_dice(specification, *pair) for pair in zip(channels, truths, strict=True)]
    return {region: float(np.mean([dice[region] for dice in found])) for region in specification.regions}


def table(results: Mapping[str, Any]) -> str:
    """Markdown text: mean and standard deviation over seeds, and the difference from the full model seed by seed."""
    rows = {name: entry["runs"] for name, entry in results["rows"].items() if entry["runs"]}
    regions = list(next(iter(rows.values()))[0]["regions"])
    lines = [
        "# Variants on the same data, seeds and budget",
        "",
        f"- {results['setting'][:1].upper()}{results['setting'][1:]}.",
        "- Dice averaged over the subsets; mean +- standard deviation over seeds. Then the mean over the regions with",
        "  all modalities, with one of them spoilt (each in turn, each kind of corruption), and what that one weighs",
        "  (1: an equal share). Last column: mean difference from the full model with the same seed, over subsets and",
        "  regions.",
        "- A small budget ranks how fast variants learn, not what they reach. Published figures are no comparison.",
        "",
        "| variant | seeds | " + " | ".join(regions) + " | all modalities | one spoilt | its weight | against full |",
        "|---" * (len(regions) + 6) + "|",
    ]
    full = {run["seed"]: run["mean"] for run in rows.get(FULL, ())}
    for name, runs in rows.items():
        cells = [_spread([run["regions"][region] for run in runs]) for region in regions]
        paired = [run["mean"] - full[run["seed"]] for run in runs if run["seed"] in full]
        against = "-" if name == FULL or not paired else f"{_spread(paired, '+.3f')}"
        cells += [_spread([run[part] for run in runs]) for part in ("all", "spoilt")]
        shares = [run["spoiltShare"] for run in runs if run["spoiltShare"] is not None]
        cells += [_spread(shares) if shares else "-", against]
        lines.append(f"| {name} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float], form: str = ".3f") -> str:
    mean = f"{np.mean(values):{form}}"
    return mean if len(values) < 2 else f"{mean} +- {np.std(values, ddof=1):.3f}"
