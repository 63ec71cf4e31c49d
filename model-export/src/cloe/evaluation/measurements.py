"""Measure a network on held-out studies: everything that the checks judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import stats

from cloe.evaluation.experts import Experts, Fused, TumourPatch, View, region_dice
from cloe.model.gate import Gate
from cloe.model.network import ConsistencyGatedNetwork
from cloe.specification import Specification, subsets
from cloe.training.corruption import Corruption, corrupt

STRENGTHS = (1.0 / 3.0, 2.0 / 3.0, 1.0)
"""Of the corruptions; 0 is the clean window."""

GATE_FROM = 3
"""Modalities from which the gate can prefer one."""


@dataclass(frozen=True)
class ExpertRecord:
    """One expert of one fusion: its weight times the number of experts, scores, own Dice, whether it was spoilt."""

    share: float
    consistency_global: float
    consistency_regional: float
    dice: float
    spoilt: bool


@dataclass(frozen=True)
class FusionRecord:
    """Mean Dice over the regions, and ET's, of one window fused by the gate, evenly, and by the experts' own Dice."""

    gated: float
    uniform: float
    oracle: float
    gated_et: float
    uniform_et: float


@dataclass
class Measurements:
    """Raw values by window; :mod:`cloe.evaluation.checks` sums them up.

    Attributes
    ----------
    clean_shares
        ``[windows, K]``: weights of all modalities times K, nothing spoilt.
    curves
        Kind of corruption to one list per window: the spoilt modality's share at strength 0 and at each strength.
    lowest
        Whether a fully spoilt modality had the lowest weight.
    experts_clean, experts_spoilt
        Fusions of three or more modalities; in the spoilt ones one modality is.
    fusions_clean, fusions_spoilt
        Results of the same fusions.
    region_auc, region_inside, region_outside
        Per window with tumour: of the region map against the truth.
    by_size
        Number of modalities to mean Dice of every window and subset of that size.
    full
        Mean Dice over the regions with all modalities, per window.
    foreground
        Modality to (predicted by its expert, true) tumour voxels, over all clean windows.
    enhancing
        The same for the last region (ET).
    """

    clean_shares: list[np.ndarray] = field(default_factory=list)
    curves: dict[str, list[list[float]]] = field(default_factory=dict)
    lowest: list[bool] = field(default_factory=list)
    experts_clean: list[ExpertRecord] = field(default_factory=list)
    experts_spoilt: list[ExpertRecord] = field(default_factory=list)
    fusions_clean: list[FusionRecord] = field(default_factory=list)
    fusions_spoilt: list[FusionRecord] = field(default_factory=list)
    region_auc: list[float] = field(default_factory=list)
    region_inside: list[float] = field(default_factory=list)
    region_outside: list[float] = field(default_factory=list)
    by_size: dict[int, list[float]] = field(default_factory=dict)
    full: list[float] = field(default_factory=list)
    foreground: dict[str, tuple[int, int]] = field(default_factory=dict)
    enhancing: dict[str, tuple[int, int]] = field(default_factory=dict)


def measure(
    network: ConsistencyGatedNetwork, specification: Specification, patches: Iterable[TumourPatch], seed: int = 0
) -> Measurements:
    """Run a network on windows around tumours, clean and with one modality spoilt.

    Parameters
    ----------
    network
        In evaluation mode.
    specification
        Modalities and regions.
    patches
        Held-out; the modality that is spoilt takes turns. A swap takes the window before.
    seed
        Of the corruptions.
    """
    found = Measurements()
    experts = Experts(network)
    previous: np.ndarray | None = None
    for index, patch in enumerate(patches):
        views = experts.views(patch.volumes)
        _measure_clean(found, experts, specification, views, patch)
        if len(views) >= GATE_FROM:
            for turn, kind in enumerate(Corruption):
                if kind is Corruption.SWAP and previous is None:
                    continue
                channel = (index + turn) % len(views)
                other = None if previous is None else previous[channel]
                _measure_spoilt(found, experts, specification, views, patch, kind, channel, other, (seed, index, turn))
        previous = patch.volumes
    return found


def _measure_clean(
    found: Measurements, experts: Experts, specification: Specification, views: list[View], patch: TumourPatch
) -> None:
    count = len(views)
    own = [_mean_dice(specification, view.channels, patch.truth) for view in views]
    for subset in subsets(count):
        chosen = [views[m] for m in subset]
        if len(subset) < GATE_FROM:
            fused = experts.fuse(chosen, experts.network.fixed_weights(subset).tolist())
        else:
            fused = experts.fuse(chosen, subset=subset)
            found.experts_clean += _records(fused.weights, fused, [own[m] for m in subset], ())
            found.fusions_clean.append(_compare(experts, specification, chosen, fused.channels, patch.truth))
        score = _mean_dice(specification, fused.channels, patch.truth)
        found.by_size.setdefault(len(subset), []).append(score)
        if len(subset) == count:
            found.full.append(score)
            found.clean_shares.append(fused.weights * count)
            tumour = patch.truth > 0
            if tumour.any() and not tumour.all():
                found.region_auc.append(auc(fused.region[tumour], fused.region[~tumour]))
                found.region_inside.append(float(fused.region[tumour].mean()))
                found.region_outside.append(float(fused.region[~tumour].mean()))
    last = specification.region_indices(list(specification.regions)[-1])
    for name, view in zip(specification.modalities, views, strict=True):
        channels = view.channels
        _add(found.foreground, name, int((channels > 0).sum()), int((patch.truth > 0).sum()))
        _add(found.enhancing, name, int(np.isin(channels, last).sum()), int(np.isin(patch.truth, last).sum()))


def _measure_spoilt(
    found: Measurements,
    experts: Experts,
    specification: Specification,
    views: list[View],
    patch: TumourPatch,
    kind: Corruption,
    channel: int,
    other: np.ndarray | None,
    seed: tuple[int, ...],
) -> None:
    count = len(views)
    curve = [float(found.clean_shares[-1][channel])]
    for strength in STRENGTHS:
        # The same draws for every strength: the curve shows the strength alone.
        random = np.random.default_rng(seed)
        volume = corrupt(random, patch.volumes[channel], kind, other, strength)
        changed = [*views[:channel], experts.view(channel, volume), *views[channel + 1 :]]
        fused = experts.fuse(changed)
        curve.append(float(fused.weights[channel] * count))
    found.curves.setdefault(kind.value, []).append(curve)
    found.lowest.append(bool(fused.weights.argmin() == channel))
    own = [_mean_dice(specification, view.channels, patch.truth) for view in changed]
    found.experts_spoilt += _records(fused.weights, fused, own, (channel,))
    found.fusions_spoilt.append(_compare(experts, specification, changed, fused.channels, patch.truth))


def _records(weights: np.ndarray, fused: Fused, own: list[float], spoilt: tuple[int, ...]) -> list[ExpertRecord]:
    return [
        ExpertRecord(
            float(weights[m] * len(own)),
            float(fused.consistency_global[m]),
            float(fused.consistency_regional[m]),
            own[m],
            m in spoilt,
        )
        for m in range(len(own))
    ]


def _compare(
    experts: Experts, specification: Specification, views: list[View], gated: np.ndarray, truth: np.ndarray
) -> FusionRecord:
    quality = np.array([_mean_dice(specification, view.channels, truth) for view in views]) + 1e-6
    uniform = experts.fuse(views, _even(len(views))).channels
    oracle = experts.fuse(views, quality / quality.sum()).channels
    last = list(specification.regions)[-1]
    return FusionRecord(
        _mean_dice(specification, gated, truth),
        _mean_dice(specification, uniform, truth),
        _mean_dice(specification, oracle, truth),
        region_dice(specification, gated, truth)[last],
        region_dice(specification, uniform, truth)[last],
    )


def _mean_dice(specification: Specification, predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean(list(region_dice(specification, predicted, truth).values())))


def _even(count: int) -> list[float]:
    return [1.0 / count] * count


def _add(table: dict[str, tuple[int, int]], name: str, predicted: int, true: int) -> None:
    before = table.get(name, (0, 0))
    table[name] = (before[0] + predicted, before[1] + true)


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that a positive's value exceeds a negative's, ties counting half.

    Raises
    ------
    ValueError
        If one side is empty.
    """
    if not len(positive) or not len(negative):
        raise ValueError("both sides need a value")
    ranks = stats.rankdata(np.concatenate((positive, negative)))
    wins = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(wins / (len(positive) * len(negative)))


@dataclass(frozen=True)
class GateShape:
    """The gate's logit on a grid of [0, 1]^2.

    Attributes
    ----------
    along_u, along_v
        Smallest change between neighbours; negative where more consistency means less trust.
    rise
        From (0, 0) to (1, 1).
    """

    along_u: float
    along_v: float
    rise: float

    def rises(self) -> bool:
        """Whether it never falls, and rises somewhere."""
        return min(self.along_u, self.along_v) >= 0.0 and self.rise > 0.0


@torch.inference_mode()
def gate_shape(gate: Gate, points: int = 21) -> GateShape:
    """Sample a gate on ``points`` values of u and of v."""
    axis = torch.linspace(0.0, 1.0, points)
    u, v = torch.meshgrid(axis, axis, indexing="ij")
    logits = gate(u.reshape(1, -1), v.reshape(1, -1)).reshape(points, points)
    steps = (float(logits.diff(dim=axis).min()) for axis in (0, 1))
    return GateShape(*steps, float(logits[-1, -1] - logits[0, 0]))
