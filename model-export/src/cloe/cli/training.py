"""``cloe train``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cloe.specification import BRAIN_GLIOMA

if TYPE_CHECKING:
    from cloe.model.build import Network
    from cloe.training.configuration import TrainingConfiguration

ARCHITECTURES = ("cloe", "rfnet", "hemis", "dcseg", "m3ae")
"""As in ``cloe.model.build``, which is slow to import."""


def add_train(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "train",
        help="train or resume: on synthetic studies, on scans in BraTS or Decathlon layout, or both",
        description="With --config everything stands in that file (docs/train.md). Without, a pool of synthetic "
        "studies is made first and trained on with the options below.",
    )
    parser.add_argument("--run", dest="folder", type=Path, required=True, help="run folder: checkpoint and log")
    parser.add_argument("--config", type=Path, help="TOML file; the options from --pool on do not apply then")
    parser.add_argument("--device", help="cpu or cuda; instead of the configuration's")
    parser.add_argument("--steps", type=int, help="instead of the configuration's")
    parser.add_argument("--initial", type=Path, help="checkpoint or bundle whose weights a new run starts from")
    parser.add_argument("--pool", type=Path, help="pool folder; missing cases are made first")
    parser.add_argument("--pool-cases", type=int, default=420)
    parser.add_argument("--pool-seed", type=int, default=20261)
    parser.add_argument("--no-label-maps", action="store_true", help="procedural anatomies only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patch", type=int, default=48)
    parser.add_argument("--large-patch", type=int, default=64)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="cloe", help="cloe, or a peer")
    parser.add_argument("--modality-bias", action="store_true", help="a learned preference per modality (extension)")
    parser.add_argument("--fusion", choices=("gate", "scores", "mean"), default="gate")
    parser.add_argument("--no-global", action="store_true", help="without global consistency (ablation)")
    parser.add_argument("--no-regional", action="store_true", help="without regional consistency (ablation)")
    parser.set_defaults(run=_train)


def _train(chosen: argparse.Namespace) -> int:
    import torch

    from cloe.training.configuration import read_configuration
    from cloe.training.mixture import MovingPool
    from cloe.training.sources import prepare
    from cloe.training.trainer import train

    if chosen.config is not None:
        configuration, pools = read_configuration(chosen.config), chosen.folder / "pools"
    elif chosen.pool is not None:
        configuration, pools = _from_options(chosen), chosen.pool.parent
    else:
        raise ValueError("give --config, or --pool for a run on synthetic studies")
    plan = configuration.plan if chosen.steps is None else replace(configuration.plan, steps=chosen.steps)
    torch.set_num_threads(1)
    shares = [prepare(source, configuration.specification, pools) for source in configuration.sources]
    about = {
        "family": configuration.specification.family,
        "data": [source.describe() for source in configuration.sources],
    }
    try:
        checkpoint = train(
            plan,
            shares,
            chosen.folder,
            log_every=configuration.log_every,
            save_every=configuration.save_every,
            device=chosen.device or configuration.device,
            tensorboard=configuration.tensorboard,
            about=about,
            initial=None if chosen.initial is None else _weights_of(chosen.initial),
        )
    finally:
        for share in shares:
            if isinstance(share.source, MovingPool):
                share.source.close()
    print(f"trained: {checkpoint}")
    return 0


def add_fit_gate(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "fit-gate",
        help="fit the gate of a trained network to what its experts are worth",
        description="Lets the experts look at patches of the run's own data, half of them with a spoilt modality, and "
        "fits the gate, and nothing else, to their Dice. Writes a new checkpoint beside the run's.",
    )
    parser.add_argument("--config", type=Path, required=True, help="the run's configuration")
    parser.add_argument("--run", dest="folder", type=Path, required=True, help="the run's folder")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--patches", type=int, default=1000)
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.4,
        help="difference in Dice that makes one weight e times another: less makes the gate more decided (0.4)",
    )
    parser.set_defaults(run=_fit_gate)


def _fit_gate(chosen: argparse.Namespace) -> int:
    import torch

    from cloe.training.checkpoint import load_network, save_checkpoint
    from cloe.training.configuration import read_configuration
    from cloe.training.gate_fit import fit, judge
    from cloe.training.sources import prepare

    torch.set_num_threads(1)
    configuration = read_configuration(chosen.config)
    if chosen.temperature <= 0.0:
        raise ValueError("--temperature must be above 0")
    if configuration.plan.network.fusion != "gate" or configuration.plan.network.modalities < 3:
        raise ValueError("the network has no gate that could act: it takes fusion 'gate' and three modalities")
    network, content = load_network(chosen.folder / "checkpoint.pt")
    pools = chosen.folder / "pools"
    shares = [prepare(source, configuration.specification, pools) for source in configuration.sources]

    def progress(done: int) -> None:
        if done % 100 == 0 or done == chosen.patches:
            print(f"judged {done}/{chosen.patches} patches", flush=True)

    judgements = judge(network, configuration.plan, shares, chosen.patches, progress)
    left = fit(network.gate, judgements, temperature=chosen.temperature)
    content["averaged"] = network.state_dict()
    how = f"fitted to the experts' Dice in {chosen.patches} patches, temperature {chosen.temperature}"
    about = {**(content.get("about") or {}), "gate": how}
    save_checkpoint(chosen.out, {**content, "about": about}, configuration.plan.network)
    print(f"divergence from the experts' own Dice: {left:.4f}; written: {chosen.out}")
    return 0


def _weights_of(path: Path) -> Network:
    from cloe.export.restore import restore_network
    from cloe.inference.bundle import Bundle
    from cloe.training.checkpoint import load_network

    return restore_network(Bundle(path)) if path.is_dir() else load_network(path)[0]


def _from_options(chosen: argparse.Namespace) -> TrainingConfiguration:
    from cloe.model.configuration import NetworkConfiguration
    from cloe.training.configuration import TrainingConfiguration
    from cloe.training.sources import Source
    from cloe.training.trainer import TrainingPlan

    source = Source(
        "synthetic",
        chosen.pool.name,
        cases=chosen.pool_cases,
        seed=chosen.pool_seed,
        label_maps=not chosen.no_label_maps,
    )
    source.check(BRAIN_GLIOMA)
    network = NetworkConfiguration(
        base_width=chosen.width,
        fusion=chosen.fusion,
        use_global=not chosen.no_global,
        use_regional=not chosen.no_regional,
        modality_bias=chosen.modality_bias,
        architecture=chosen.architecture,
    )
    plan = TrainingPlan(seed=chosen.seed, patch=chosen.patch, large_patch=chosen.large_patch, network=network)
    return TrainingConfiguration(BRAIN_GLIOMA, plan, (source,))
