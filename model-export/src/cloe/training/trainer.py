"""The training loop (model notes 2.1-2.4)."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cloe.model.build import Network, build_network
from cloe.model.configuration import NetworkConfiguration
from cloe.model.losses import LossWeights, total_loss
from cloe.training.checkpoint import load_checkpoint, save_checkpoint
from cloe.training.pool import PoolCase, load_pool
from cloe.training.sampling import Sampling, draw_sample


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides a run.

    Parameters
    ----------
    steps
        Optimiser steps.
    batch
        Patches per step, each with modalities of its own, each on a thread of its own.
    learning_rate
        At the start, after a short warm-up; falls to 0 as ``(1 - progress) ** 0.9``.
    weight_decay
        Of Adam.
    patch, large_patch
        Voxels per axis; large ones come with ``large_share`` after ``large_after`` of the steps.
    ramp
        Share of the steps over which the consistency losses grow to their full factor.
    average
        Decay of the running average of the weights, which is what gets exported.
    warm_up
        Steps over which the learning rate grows to its full value.
    gradient_norm
        Longer gradients are shortened to this.
    half_precision
        Convolve in bfloat16: several times faster on processors that have it.
    seed
        Patch ``j`` of step ``i`` draws from ``(seed, i, j)``: a resumed run sees the same patches.
    """

    steps: int = 3000
    batch: int = 2
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    patch: int = 48
    large_patch: int = 64
    large_share: float = 0.5
    large_after: float = 0.6
    ramp: float = 0.1
    average: float = 0.997
    warm_up: int = 50
    gradient_norm: float = 10.0
    half_precision: bool = True
    seed: int = 1
    network: NetworkConfiguration = field(default_factory=NetworkConfiguration)
    sampling: Sampling = field(default_factory=Sampling)
    weights: LossWeights = field(default_factory=LossWeights)


def learning_rate(plan: TrainingPlan, step: int) -> float:
    """Learning rate of a step: linear warm-up, then polynomial decay."""
    warm = min(1.0, (step + 1) / max(1, plan.warm_up))
    return plan.learning_rate * warm * (1.0 - step / plan.steps) ** 0.9


def update_average(averaged: dict[str, Tensor], network: torch.nn.Module, decay: float, step: int) -> None:
    """Move the running average towards the current weights; early steps count more."""
    decay = min(decay, (1.0 + step) / (10.0 + step))
    with torch.no_grad():
        for name, value in network.state_dict().items():
            averaged[name].lerp_(value, 1.0 - decay)


def train(plan: TrainingPlan, pool_folder: Path, run_folder: Path, log_every: int = 20, save_every: int = 200) -> Path:
    """Train, or resume where the run folder's checkpoint stopped.

    Parameters
    ----------
    plan
        What to do. On resuming, another number of steps is allowed and reshapes the rest of the schedule.
    pool_folder
        Phantoms, see :mod:`cloe.training.pool`.
    run_folder
        Receives ``checkpoint.pt`` and ``log.csv``.

    Returns
    -------
    Path
        The checkpoint.
    """
    pool = load_pool(pool_folder)
    torch.manual_seed(plan.seed)
    network = build_network(plan.network)
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    averaged = {name: value.clone() for name, value in network.state_dict().items()}
    checkpoint = run_folder / "checkpoint.pt"
    start = 0
    if checkpoint.exists():
        content = load_checkpoint(checkpoint)
        if NetworkConfiguration(**content["configuration"]) != plan.network:
            raise ValueError("the run folder holds a checkpoint of another network: choose another folder")
        network.load_state_dict(content["network"])
        optimiser.load_state_dict(content["optimiser"])
        averaged, start = content["averaged"], content["step"]
    network.to(memory_format=torch.channels_last_3d)
    network.train()

    def save(step: int) -> None:
        save_checkpoint(
            checkpoint,
            {
                "network": network.state_dict(),
                "averaged": averaged,
                "optimiser": optimiser.state_dict(),
                "step": step,
                "plan": asdict(plan),
                "poolCases": len(pool),
            },
            plan.network,
        )

    run_folder.mkdir(parents=True, exist_ok=True)
    log = run_folder / "log.csv"
    fresh = not log.exists()
    began, sums, counted = time.monotonic(), {}, 0
    with log.open("a", newline="") as stream, ThreadPoolExecutor(plan.batch) as workers:
        writer = csv.writer(stream)
        for step in range(start, plan.steps):
            parts = _step(plan, step, pool, network, optimiser, workers)
            update_average(averaged, network, plan.average, step)
            counted += 1
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
            if (step + 1) % log_every == 0 or step + 1 == plan.steps:
                means = {name: value / counted for name, value in sums.items()}
                if fresh:
                    writer.writerow(["step", "rate", *means])
                    fresh = False
                writer.writerow([step + 1, f"{learning_rate(plan, step):.3g}", *(f"{v:.4f}" for v in means.values())])
                stream.flush()
                pace = (time.monotonic() - began) / (step + 1 - start)
                left = pace * (plan.steps - step - 1) / 60.0
                shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
                print(f"step {step + 1}/{plan.steps} {shown} | {pace:.2f} s/step, {left:.0f} min left", flush=True)
                sums, counted = {}, 0
            if (step + 1) % save_every == 0:
                save(step + 1)
    save(plan.steps)
    return checkpoint


def _gradients(
    plan: TrainingPlan, step: int, slot: int, pool: Sequence[PoolCase], network: Network
) -> tuple[list[Tensor | None], dict[str, float]]:
    """Gradients of one patch; slots of a step run side by side and share only the weights."""
    random = np.random.default_rng([plan.seed, step, slot])
    large = step >= plan.large_after * plan.steps and random.uniform() < plan.large_share
    sample = draw_sample(random, pool, plan.large_patch if large else plan.patch, plan.sampling)
    volumes = torch.from_numpy(sample.volumes)[None].to(memory_format=torch.channels_last_3d)
    labels = torch.from_numpy(sample.labels)[None]
    trusted = torch.from_numpy(sample.trusted)[None]
    with torch.autocast("cpu", torch.bfloat16, enabled=plan.half_precision):
        output = network.forward_subset(volumes, sample.subset, trusted=trusted)
    ramp = min(1.0, step / max(1.0, plan.ramp * plan.steps))
    loss, parts = total_loss(output, labels, trusted, plan.network, plan.weights, ramp)
    return list(torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)), parts


def _step(
    plan: TrainingPlan,
    step: int,
    pool: Sequence[PoolCase],
    network: Network,
    optimiser: torch.optim.Optimizer,
    workers: Executor,
) -> dict[str, float]:
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(plan, step)
    # One thread per patch instead of many threads per operator: on a machine shared with other work,
    # operators split over threads wait for the slowest thread hundreds of times per step.
    results = list(workers.map(lambda slot: _gradients(plan, step, slot, pool, network), range(plan.batch)))
    optimiser.zero_grad(set_to_none=True)
    for index, parameter in enumerate(network.parameters()):
        found = [gradients[index] for gradients, _ in results if gradients[index] is not None]
        if found:
            parameter.grad = torch.stack(found).sum(0) / plan.batch
    length = torch.nn.utils.clip_grad_norm_(network.parameters(), plan.gradient_norm)
    # One bad step would stay in the optimiser's and the weights' running averages for good.
    if bool(torch.isfinite(length)):
        optimiser.step()
    return {name: sum(parts[name] for _, parts in results) / plan.batch for name in results[0][1]}
