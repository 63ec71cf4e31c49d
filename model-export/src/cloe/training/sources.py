"""Data that a configuration names, made ready for the loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from cloe.datasets.brats import find_brats_cases, read_brats_case
from cloe.datasets.msd import open_task, read_decathlon_case
from cloe.evaluation.held_out import FIRST_HELD_OUT_SEED
from cloe.specification import BRAIN_GLIOMA, Specification
from cloe.training.mixture import CaseSource, FixedPool, MovingPool, Share
from cloe.training.pool import build_pool, build_scan_pool, make_pool_case


@dataclass(frozen=True)
class Source:
    """One table ``[[data]]`` of a configuration.

    Parameters
    ----------
    kind
        ``synthetic``, ``brats`` (folders of BraTS 2018 to 2023) or ``msd`` (a task of the Decathlon).
    name
        Of the pool inside the run folder; the kind by default.
    share
        How often a patch comes from here, relative to the other sources.
    patch
        (z, y, x) voxels of its patches, in the place of ``training.patch`` and ``training.large_patch``: large enough
        for whole brains at its voxel size, say. Smaller cases are filled up with zeros.
    folder
        Of the scans.
    spacings
        Cubic voxel sizes in mm at which each scan is stored; 0 keeps the scan's own grid.
    cases
        Synthetic: how many studies are in use at a time.
    seed
        Synthetic: of the studies, below 900 000.
    label_maps
        Synthetic: also use the label maps of the data folder.
    refresh
        Synthetic: steps after which the oldest study makes room for a new one, made ahead by a second process;
        0 keeps the same studies.
    processes
        Synthetic: processes that make the first studies where ``refresh`` is 0.
    """

    kind: Literal["synthetic", "brats", "msd"]
    name: str = ""
    share: float = 1.0
    patch: tuple[int, int, int] | None = None
    folder: Path | None = None
    spacings: tuple[float, ...] = (0.0,)
    cases: int = 420
    seed: int = 20261
    label_maps: bool = True
    refresh: int = 0
    processes: int = 2

    def check(self, specification: Specification) -> None:
        """Refuse what cannot be trained on.

        Raises
        ------
        ValueError
            With the reason.
        """
        if self.kind not in ("synthetic", "brats", "msd"):
            raise ValueError(f"data.kind {self.kind!r} is unknown; known: synthetic, brats, msd")
        if self.share <= 0.0:
            raise ValueError("data.share must be above 0")
        if self.patch is not None and not _is_patch(self.patch):
            raise ValueError("data.patch must be three multiples of 8: [z, y, x]")
        if self.kind != "msd" and specification != BRAIN_GLIOMA:
            raise ValueError(f"{self.kind} data are for the task {BRAIN_GLIOMA.family}")
        if self.kind == "synthetic":
            if self.seed >= FIRST_HELD_OUT_SEED:
                raise ValueError(f"pool seeds from {FIRST_HELD_OUT_SEED} on are kept for evaluation")
            if self.folder is not None:
                raise ValueError("synthetic data have no folder")
        elif self.folder is None or not self.folder.is_dir():
            raise ValueError(f"data.folder of kind {self.kind} is missing or no folder")

    def describe(self) -> str:
        """One line for the model card, without paths."""
        if self.kind == "synthetic":
            moving = f", one new every {self.refresh} steps" if self.refresh else ""
            return f"{self.cases} synthetic studies of seed {self.seed}{moving}"
        return f"labelled scans in {'BraTS' if self.kind == 'brats' else 'Decathlon'} layout"


def _is_patch(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 3
        and all(isinstance(length, int) and length >= 8 and length % 8 == 0 for length in value)
    )


def prepare(source: Source, specification: Specification, folder: Path) -> Share:
    """Make the pool of a source, or open the one that is there.

    Parameters
    ----------
    folder
        Where pools lie, each in a folder of its name.
    """
    return Share(_opened(source, specification, folder / source.name), source.share, source.patch)


def _opened(source: Source, specification: Specification, folder: Path) -> CaseSource:
    if source.kind == "synthetic":
        if source.refresh > 0:
            make = partial(make_pool_case, seed=source.seed, use_label_maps=source.label_maps)
            return MovingPool(folder, source.cases, source.refresh, make)
        build_pool(folder, source.cases, source.seed, source.label_maps, source.processes)
        return FixedPool(folder)
    if source.kind == "brats":
        studies = find_brats_cases(source.folder, specification)
        readers = [partial(read_brats_case, study, specification) for study in studies]
    else:
        task = open_task(source.folder, specification)
        readers = [partial(read_decathlon_case, case, task.channels, specification) for case in task.cases]
    build_scan_pool(folder, readers, [spacing or None for spacing in source.spacings])
    return FixedPool(folder)
