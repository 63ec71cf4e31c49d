"""Checkpoints: everything needed to resume, written atomically."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cloe.model.build import Network, build_network
from cloe.model.configuration import NetworkConfiguration


def save_checkpoint(path: Path, content: dict[str, Any], configuration: NetworkConfiguration) -> None:
    """Write a checkpoint beside its final name first, so that an interruption leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({**content, "configuration": asdict(configuration)}, partial)
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted."""
    return torch.load(path, map_location="cpu", weights_only=True)


def load_network(path: Path) -> tuple[Network, dict[str, Any]]:
    """The averaged network of a checkpoint, in evaluation mode, and the checkpoint's content."""
    content = load_checkpoint(path)
    network = build_network(NetworkConfiguration(**content["configuration"]))
    network.load_state_dict(content["averaged"])
    return network.eval(), content
