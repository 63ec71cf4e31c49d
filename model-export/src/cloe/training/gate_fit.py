"""Fits the gate alone to what a trained network's experts are worth (extension of this project).

The gate has 65 parameters and looks at two numbers per modality: it is fitted to a thousand patches within seconds once
the experts have looked at them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cloe.model.gate import Gate, masked_softmax
from cloe.model.losses import QUALITY_TEMPERATURE, expert_quality, one_hot, quality_divergence
from cloe.model.network import ConsistencyGatedNetwork
from cloe.training.mixture import Share, choose
from cloe.training.precision import Precision
from cloe.training.sampling import Sample, draw_sample
from cloe.training.trainer import TrainingPlan

SPOILT = 0.5
"""Share of the patches with a spoilt modality."""

RATE = 0.01
FALLING = 10.0
"""Price of a gate that falls where a score rises."""


@dataclass(frozen=True)
class Judgements:
    """What the experts of many patches said and were worth.

    Attributes
    ----------
    score_global, score_regional, dice
        ``[N, K]``; where a modality is absent they mean nothing.
    present
        ``[N, K]`` bool, at least three per row.
    """

    score_global: Tensor
    score_regional: Tensor
    dice: Tensor
    present: Tensor


def judge(
    network: ConsistencyGatedNetwork,
    plan: TrainingPlan,
    shares: Sequence[Share],
    patches: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Judgements:
    """Let the experts look at patches of three or more modalities, drawn as in training, half with a spoilt one.

    Patches with too little tumour to judge by are drawn anew.
    """
    count = plan.network.modalities
    sampling = replace(plan.sampling, corruption=SPOILT, complete=False)
    rows = [torch.zeros(patches, count) for _ in range(3)]
    present = torch.zeros(patches, count, dtype=torch.bool)
    done = drawn = 0
    while done < patches:
        random = np.random.default_rng([plan.seed, drawn, 1])
        drawn += 1
        entry = choose(random, shares)
        sample = draw_sample(random, entry.source.at(0), entry.patch or plan.large_patch, sampling)
        if len(sample.subset) < 3:
            continue
        values, judged = _look(network, sample, plan)
        if not judged:
            continue
        for row, value in zip(rows, values, strict=True):
            row[done, list(sample.subset)] = value
        present[done, list(sample.subset)] = True
        done += 1
        progress(done)
    return Judgements(*rows, present)


@torch.inference_mode()
def _look(network: ConsistencyGatedNetwork, sample: Sample, plan: TrainingPlan) -> tuple[tuple[Tensor, ...], bool]:
    with Precision.of("cpu", plan.half_precision).autocast():
        output = network.forward_subset(torch.from_numpy(sample.volumes)[None], sample.subset)
    target = one_hot(torch.from_numpy(sample.labels)[None], plan.network.classes)
    dice, judged = expert_quality(output.expert_probabilities, target)
    return (output.consistency_global[0].float(), output.consistency_regional[0].float(), dice[0]), bool(judged[0])


def fit(gate: Gate, judgements: Judgements, steps: int = 1500, temperature: float = QUALITY_TEMPERATURE) -> float:
    """Fit the gate in place; returns the mean divergence that is left.

    The gate stays one that rises with either score: what agrees more is never trusted less.
    """
    optimiser = torch.optim.Adam(gate.parameters(), lr=RATE)
    axis = torch.linspace(0.0, 1.0, 21)
    grid = torch.meshgrid(axis, axis, indexing="ij")
    divergence = torch.zeros(())
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1.0 - step / steps)
        logits = gate(judgements.score_global, judgements.score_regional)
        weights = masked_softmax(logits, judgements.present)
        divergence = quality_divergence(weights, judgements.dice, temperature).mean()
        values = gate(*grid)
        falls = torch.relu(values[:-1] - values[1:]).mean() + torch.relu(values[:, :-1] - values[:, 1:]).mean()
        optimiser.zero_grad()
        (divergence + FALLING * falls).backward()
        optimiser.step()
    return float(divergence.detach())
