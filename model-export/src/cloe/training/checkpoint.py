"""Checkpoints: everything needed to resume, written atomically, with a digest beside them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cloe.model.build import Network, build_network
from cloe.model.configuration import NetworkConfiguration


class DamagedCheckpointError(ValueError):
    """A checkpoint whose bytes are not those that were written."""


def digest_file(path: Path) -> Path:
    """Where a checkpoint's SHA-256 stands, as ``sha256sum --check`` reads it."""
    return path.with_name(path.name + ".sha256")


def save_checkpoint(path: Path, content: dict[str, Any], configuration: NetworkConfiguration) -> None:
    """Write a checkpoint beside its final name first, so that an interruption leaves the old one.

    The digest is removed before the checkpoint is replaced and written after it: one that is there is right.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({**content, "configuration": asdict(configuration)}, partial)
    digest = _digest(partial)
    digest_file(path).unlink(missing_ok=True)
    partial.replace(path)
    digest_file(path).write_text(f"{digest}  {path.name}\n")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted.

    Raises
    ------
    DamagedCheckpointError
        If it differs from the digest beside it; a checkpoint without one is not checked.
    """
    expected = digest_file(path)
    if expected.exists() and expected.read_text().split()[0] != _digest(path):
        raise DamagedCheckpointError(f"{path.name} does not match its digest")
    return torch.load(path, map_location="cpu", weights_only=True)


def load_network(path: Path) -> tuple[Network, dict[str, Any]]:
    """The averaged network of a checkpoint, in evaluation mode, and the checkpoint's content."""
    content = load_checkpoint(path)
    network = build_network(NetworkConfiguration(**content["configuration"]))
    network.load_state_dict(content["averaged"])
    return network.eval(), content


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
