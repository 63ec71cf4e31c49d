"""The training loop (model notes 2.1-2.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cloe.model.build import Network, build_network
from cloe.model.configuration import NetworkConfiguration
from cloe.model.losses import LossWeights
from cloe.model.objective import total_loss
from cloe.specification import subsets
from cloe.training.checkpoint import load_checkpoint, save_checkpoint
from cloe.training.mixture import FixedPool, Share, choose
from cloe.training.precision import Precision
from cloe.training.progress import Pace, TrainingLog
from cloe.training.sampling import Sample, Sampling, draw_sample


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides a run.

    Parameters
    ----------
    steps
        Optimiser steps.
    batch
        Patches per step.
    shared_subset
        All patches of a step have the same modalities, come from the same source and go through the network together,
        which keeps a GPU busy; on a processor without bfloat16, small patches take less than a third of the time.
        Dice losses then sum over the patches. Otherwise each patch has modalities of its own and, on a processor, a
        thread of its own.
    learning_rate
        At the start, after a short warm-up; falls to 0 as ``(1 - progress) ** 0.9``.
    weight_decay
        Of Adam.
    amsgrad
        Adam with the largest second moment so far, as RFNet and DC-Seg use it.
    patch, large_patch
        Voxels per axis, or (z, y, x); large ones come with ``large_share`` after ``large_after`` of the steps.
    ramp
        Share of the steps over which the consistency losses grow to their full factor.
    average
        Decay of the running average of the weights, which is what gets exported.
    warm_up
        Steps over which the learning rate grows to its full value.
    gradient_norm
        Longer gradients are shortened to this.
    half_precision
        Convolve in bfloat16 where the processor or GPU has it (float16 on older GPUs, full precision on
        older processors): several times faster.
    seed
        Patch ``j`` of step ``i`` draws from ``(seed, i, j)``: a resumed run sees the same patches.
    """

    steps: int = 3000
    batch: int = 2
    shared_subset: bool = False
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    amsgrad: bool = False
    patch: int | tuple[int, int, int] = 48
    large_patch: int | tuple[int, int, int] = 64
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


def train(
    plan: TrainingPlan,
    cases: Path | Sequence[Share],
    run_folder: Path,
    log_every: int = 20,
    save_every: int = 200,
    device: str = "cpu",
    tensorboard: bool = False,
    about: Mapping[str, Any] | None = None,
    initial: Network | None = None,
) -> Path:
    """Train, or resume where the run folder's checkpoint stopped.

    A resumed run ends at the weights of an uninterrupted one: bit by bit on a CPU in full precision.

    Parameters
    ----------
    plan
        What to do. On resuming, another number of steps is allowed and reshapes the rest of the schedule.
    cases
        A pool's folder, or several sources with their shares.
    run_folder
        Receives ``checkpoint.pt`` with its digest and ``log.csv``.
    device
        ``cpu`` or a CUDA device.
    about
        Plain values to keep in the checkpoint: the specification's family, the sources.
    initial
        Network whose weights a new run starts from.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    ValueError
        If the run folder holds a checkpoint of another network or of another plan, or ``initial`` is another network.
    """
    if plan.sampling.complete and plan.network.architecture != "cloe":
        raise ValueError("complete sampling is for the architecture cloe: the peers supervise what they are given")
    shares = [Share(FixedPool(cases))] if isinstance(cases, Path) else list(cases)
    torch.manual_seed(plan.seed)
    network = build_network(plan.network)
    checkpoint = run_folder / "checkpoint.pt"
    content = load_checkpoint(checkpoint) if checkpoint.exists() else None
    if content is not None:
        _check_same_run(plan, content)
        network.load_state_dict(content["network"])
    elif initial is not None:
        if initial.configuration != plan.network:
            raise ValueError("the weights to start from are of another network than the one to train")
        network.load_state_dict(initial.state_dict())
    network.to(device, memory_format=torch.channels_last_3d)
    network.train()
    optimiser = torch.optim.Adam(
        network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay, amsgrad=plan.amsgrad
    )
    averaged = {name: value.clone() for name, value in network.state_dict().items()}
    precision = Precision.of(device, plan.half_precision)
    start = 0
    if content is not None:
        optimiser.load_state_dict(content["optimiser"])
        for name, value in content["averaged"].items():
            averaged[name].copy_(value)
        precision.load(content.get("scaler"))
        start = content["step"]

    def save(step: int) -> None:
        save_checkpoint(
            checkpoint,
            {
                "network": network.state_dict(),
                "averaged": averaged,
                "optimiser": optimiser.state_dict(),
                "scaler": precision.state(),
                "step": step,
                "plan": asdict(plan),
                "poolCases": sum(len(entry.source.at(max(0, step - 1))) for entry in shares),
                "about": dict(about or {}),
            },
            plan.network,
        )

    print(f"training on {device} in {precision.name}, steps {start} to {plan.steps}", flush=True)
    pace = Pace(start, plan.steps)
    with TrainingLog(run_folder, start, tensorboard) as log, _workers(plan, device) as workers:
        for step in range(start, plan.steps):
            log.add(_step(plan, step, shares, network, optimiser, workers, precision))
            update_average(averaged, network, plan.average, step)
            if (step + 1) % log_every == 0 or step + 1 == plan.steps:
                pace.reached(step + 1)
                log.write(step + 1, learning_rate(plan, step), pace, plan.steps)
            if (step + 1) % save_every == 0 or step + 1 == plan.steps:
                save(step + 1)
    return checkpoint


def _check_same_run(plan: TrainingPlan, content: Mapping[str, Any]) -> None:
    if NetworkConfiguration(**content["configuration"]) != plan.network:
        raise ValueError("the run folder holds a checkpoint of another network: choose another folder")
    wanted, found = asdict(plan), content["plan"]
    changed = [name for name in wanted if name not in ("steps", "network") and wanted[name] != _then(name, found)]
    if changed:
        raise ValueError(f"the run folder holds a checkpoint trained with other {changed}: choose another folder")


def _then(name: str, found: Mapping[str, Any]) -> object:
    """Value of a plan's field when a checkpoint was written: what older versions did not write had its default."""
    usual = asdict(TrainingPlan())[name]
    value = found.get(name, usual)
    return {**usual, **value} if isinstance(usual, dict) else value


def _workers(plan: TrainingPlan, device: str) -> ThreadPoolExecutor:
    # One thread per patch instead of many threads per operator: on a machine shared with other work,
    # operators split over threads wait for the slowest thread hundreds of times per step. The number of
    # threads is kept per thread, so that each must set it.
    alone = device == "cpu" and not plan.shared_subset
    return ThreadPoolExecutor(
        plan.batch if alone else 1,
        initializer=torch.set_num_threads,
        initargs=(1 if alone else torch.get_num_threads(),),
    )


def _draws(plan: TrainingPlan, step: int, shares: Sequence[Share]) -> list[list[Callable[[], Sample]]]:
    """What draws the patches of a step, by which of them go through the network together."""
    if not plan.shared_subset:
        return [[partial(_draw_one, plan, step, slot, shares)] for slot in range(plan.batch)]
    # A stream beside those of the slots.
    random = np.random.default_rng([plan.seed, step, plan.batch])
    choices = list(subsets(plan.sampling.modalities))
    subset = choices[random.integers(len(choices))]
    large = _is_large(plan, step, random)
    source = [choose(random, shares)]
    return [[partial(_draw_one, plan, step, slot, source, large, subset) for slot in range(plan.batch)]]


def _draw_one(
    plan: TrainingPlan,
    step: int,
    slot: int,
    shares: Sequence[Share],
    large: bool | None = None,
    subset: tuple[int, ...] | None = None,
) -> Sample:
    random = np.random.default_rng([plan.seed, step, slot])
    if large is None:
        large = _is_large(plan, step, random)
    entry = choose(random, shares)
    size = entry.patch or (plan.large_patch if large else plan.patch)
    return draw_sample(random, entry.source.at(step), size, plan.sampling, subset)


def _is_large(plan: TrainingPlan, step: int, random: np.random.Generator) -> bool:
    return step >= plan.large_after * plan.steps and random.uniform() < plan.large_share


def _gradients(
    plan: TrainingPlan, step: int, draws: Sequence[Callable[[], Sample]], network: Network, precision: Precision
) -> tuple[list[Tensor | None], dict[str, float]]:
    """Gradients of patches of one size and subset; calls for one step run side by side and share only the weights."""
    samples = [draw() for draw in draws]
    device = next(network.parameters()).device

    def batch(field_name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(sample, field_name) for sample in samples])).to(device)

    volumes = batch("volumes").to(memory_format=torch.channels_last_3d)
    labels, trusted = batch("labels"), batch("trusted")
    with precision.autocast():
        if plan.sampling.complete:
            output = network.forward_complete(volumes, batch("drawn"), trusted)
        else:
            output = network.forward_subset(volumes, samples[0].subset, trusted=trusted)
    ramp = min(1.0, step / max(1.0, plan.ramp * plan.steps))
    loss, parts = total_loss(output, labels, trusted, plan.network, plan.weights, ramp)
    gradients = torch.autograd.grad(precision.scale(loss), list(network.parameters()), allow_unused=True)
    return list(gradients), parts


def _step(
    plan: TrainingPlan,
    step: int,
    shares: Sequence[Share],
    network: Network,
    optimiser: torch.optim.Optimizer,
    workers: Executor,
    precision: Precision,
) -> dict[str, float]:
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(plan, step)
    for entry in shares:
        # Moving pools move here, before the threads look at them.
        entry.source.at(step)
    groups = _draws(plan, step, shares)
    results = list(workers.map(lambda draws: _gradients(plan, step, draws, network, precision), groups))
    optimiser.zero_grad(set_to_none=True)
    for index, parameter in enumerate(network.parameters()):
        found = [gradients[index] for gradients, _ in results if gradients[index] is not None]
        if found:
            parameter.grad = torch.stack(found).sum(0) / len(results)
    precision.unscale(optimiser)
    length = torch.nn.utils.clip_grad_norm_(network.parameters(), plan.gradient_norm)
    # One bad step would stay in the optimiser's and the weights' running averages for good.
    precision.advance(optimiser, bool(torch.isfinite(length)))
    return {name: sum(parts[name] for _, parts in results) / len(results) for name in results[0][1]}
