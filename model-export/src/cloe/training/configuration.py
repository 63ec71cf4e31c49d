"""A run's configuration: one TOML file that says what to train, on what and how."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_args

from cloe.model.configuration import Fusion, NetworkConfiguration
from cloe.model.losses import LossWeights
from cloe.specification import SPECIFICATIONS, Specification
from cloe.training.sampling import Sampling
from cloe.training.sources import Source
from cloe.training.trainer import TrainingPlan

Made = TypeVar("Made")

_NOT_IN_PLAN = ("network", "sampling", "weights")
_SET_BY_SPECIFICATION = ("modalities", "classes")


@dataclass(frozen=True)
class TrainingConfiguration:
    """What one TOML file says.

    Attributes
    ----------
    specification
        Key ``task``: a family of :data:`cloe.specification.SPECIFICATIONS`.
    plan
        Tables ``training``, ``network``, ``sampling`` and ``loss``.
    sources
        Tables ``data``, one per source.
    log_every, save_every, tensorboard, device
        Table ``run``.
    """

    specification: Specification
    plan: TrainingPlan
    sources: tuple[Source, ...]
    log_every: int = 20
    save_every: int = 200
    tensorboard: bool = False
    device: str = "cpu"


def read_configuration(path: Path) -> TrainingConfiguration:
    """Read a configuration; folders in it are relative to the file's own.

    Raises
    ------
    ValueError
        If a key is unknown or of the wrong type, or a source does not fit the task.
    """
    try:
        content = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from error
    _refuse_unknown(content, {"task", "run", "training", "network", "sampling", "loss", "data"}, path.name)
    task = content.get("task", "brain-glioma")
    if task not in SPECIFICATIONS:
        raise ValueError(f"task {task!r} is unknown; known: {sorted(SPECIFICATIONS)}")
    specification = SPECIFICATIONS[task]
    counts = {"modalities": len(specification.modalities), "classes": len(specification.classes)}
    network = _made(NetworkConfiguration, content, "network", counts, _SET_BY_SPECIFICATION)
    if network.fusion not in get_args(Fusion):
        raise ValueError(f"network.fusion: {network.fusion!r} is unknown; known: {list(get_args(Fusion))}")
    sampling = _made(Sampling, content, "sampling", {"modalities": counts["modalities"]}, _SET_BY_SPECIFICATION)
    weights = _made(LossWeights, content, "loss")
    parts = {"network": network, "sampling": sampling, "weights": weights}
    plan = _made(TrainingPlan, content, "training", parts, _NOT_IN_PLAN)
    sources = tuple(
        _source(entry, path.parent, specification) for entry in content.get("data", [{"kind": "synthetic"}])
    )
    if len({source.name for source in sources}) != len(sources):
        raise ValueError("two data sources have the same name: give each a name of its own")
    run = content.get("run", {})
    _refuse_unknown(run, {"log_every", "save_every", "tensorboard", "device"}, "run")
    return TrainingConfiguration(specification, plan, sources, **run)


def _source(entry: Mapping[str, Any], base: Path, specification: Specification) -> Source:
    values = dict(entry)
    if "folder" in values:
        values["folder"] = (base / values["folder"]).resolve()
    source = _made(Source, {"data": values}, "data", {"name": values.get("kind", "")})
    source.check(specification)
    return source


def _made(
    kind: type[Made], content: Mapping[str, Any], table: str, given: Mapping[str, Any] | None = None, hidden: tuple = ()
) -> Made:
    """Make a dataclass from a table; ``given`` are values the table may replace unless they are hidden."""
    found = {key: tuple(value) if isinstance(value, list) else value for key, value in content.get(table, {}).items()}
    known = {entry.name: entry for entry in fields(kind) if entry.name not in hidden}
    _refuse_unknown(found, set(known), table)
    for name, value in found.items():
        usual = known[name].default
        if isinstance(usual, bool) != isinstance(value, bool) and isinstance(usual, bool | int | float):
            raise ValueError(f"{table}.{name}: {value!r} is of the wrong type")
        if isinstance(usual, int | float) and not isinstance(value, int | float | tuple):
            raise ValueError(f"{table}.{name}: {value!r} is no number")
    return kind(**{**(given or {}), **found})


def _refuse_unknown(found: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise ValueError(f"{where}: unknown keys {unknown}; known: {sorted(known)}")
