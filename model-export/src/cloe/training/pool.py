"""A pool of phantoms on disk, made once and read by memory mapping."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from cloe.data_folder import data_folder
from cloe.phantom.anatomy import Anatomy, load_label_maps
from cloe.phantom.case import make_case

FINEST_MM = 1.0
COARSEST_MM = 2.5
FINEST_SHARE = 0.35
"""Share of the cases at the finest spacing, the one of most public data; the others spread up to the coarsest."""

_anatomies: list[Anatomy] = []


@dataclass(frozen=True)
class PoolCase:
    """One stored phantom, cropped to its brain.

    Attributes
    ----------
    images
        Memory-mapped int16 ``[K, z, y, x]``.
    labels
        Memory-mapped uint8 (z, y, x), channel indices.
    mean, deviation
        ``[K]`` over the whole brain, for normalisation.
    tumour
        Voxels ``[n, 3]`` (z, y, x) to centre patches on, spread over the classes; may be empty.
    spacing
        Millimetres per voxel.
    """

    images: np.ndarray
    labels: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    tumour: np.ndarray
    spacing: float


def case_spacing(seed: int, index: int) -> float:
    """Voxel size of a pool case in mm, drawn from its seed."""
    random = np.random.default_rng([seed, index, 1])
    if random.uniform() < FINEST_SHARE:
        return FINEST_MM
    return float(round(random.uniform(FINEST_MM, COARSEST_MM), 2))


def load_shared_anatomies(use_label_maps: bool) -> list[Anatomy]:
    """The label maps of the optional data folder, or none."""
    folder = data_folder("anatomy") if use_label_maps else None
    return load_label_maps(folder) if folder else []


def build_pool(folder: Path, cases: int, seed: int, use_label_maps: bool = True, processes: int = 2) -> None:
    """Make the cases that are still missing in ``folder``; each depends only on its seed and index."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [index for index in range(cases) if not (folder / f"{index:05d}.json").exists()]
    if not missing:
        return
    jobs = [(folder, seed, index) for index in missing]
    with multiprocessing.Pool(processes, _prepare, (use_label_maps,)) as workers:
        for done, _ in enumerate(workers.imap(_store_case, jobs), 1):
            if done % 20 == 0 or done == len(jobs):
                print(f"pool: {done}/{len(jobs)} cases", flush=True)


def _prepare(use_label_maps: bool) -> None:
    _anatomies[:] = load_shared_anatomies(use_label_maps)


def _store_case(job: tuple[Path, int, int]) -> None:
    folder, seed, index = job
    case = make_case((seed, index), case_spacing(seed, index), _anatomies)
    box = ndimage.find_objects((case.tissue > 0).astype(np.uint8))[0]
    images = np.ascontiguousarray(case.images[(slice(None), *box)])
    labels = np.ascontiguousarray(case.labels[box])
    brain = images[0] != 0
    values = images[:, brain].astype(np.float64)
    random = np.random.default_rng([seed, index, 2])
    centres = []
    for label in range(1, 4):
        found = np.flatnonzero(labels == label)
        if found.size:
            centres.append(random.choice(found, min(300, found.size), replace=False))
    flat = np.concatenate(centres) if centres else np.zeros(0, np.int64)
    description = {
        "spacing": case.spacing,
        "mean": values.mean(1).tolist(),
        "deviation": values.std(1).tolist(),
        "description": case.description,
        "anatomy": case.anatomy,
        "tumour": np.stack(np.unravel_index(flat, labels.shape), 1).tolist(),
    }
    np.save(folder / f"{index:05d}.images.npy", images)
    np.save(folder / f"{index:05d}.labels.npy", labels)
    # Written last: its presence says that the case is complete.
    (folder / f"{index:05d}.json").write_text(json.dumps(description))


def load_pool(folder: Path) -> list[PoolCase]:
    """All complete cases of a pool, by index.

    Raises
    ------
    ValueError
        If there is none.
    """
    cases = []
    for path in sorted(folder.glob("*.json")):
        description = json.loads(path.read_text())
        cases.append(
            PoolCase(
                np.load(path.with_suffix(".images.npy"), mmap_mode="r"),
                np.load(path.with_suffix(".labels.npy"), mmap_mode="r"),
                np.array(description["mean"], np.float32),
                np.array(description["deviation"], np.float32),
                np.array(description["tumour"], np.int32).reshape(-1, 3),
                float(description["spacing"]),
            )
        )
    if not cases:
        raise ValueError(f"no cases in the pool {folder.name}: build it first")
    return cases


def anatomy_shares(folder: Path) -> dict[str, float]:
    """Share of procedural and label-map anatomies in a pool, for the model card."""
    sources: Sequence[str] = [json.loads(p.read_text())["anatomy"] for p in folder.glob("*.json")]
    procedural = sum(source == "procedural" for source in sources)
    total = max(1, len(sources))
    return {"procedural": procedural / total, "labelMaps": math.fsum((len(sources) - procedural,)) / total}
