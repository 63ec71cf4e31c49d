"""A pool of cases on disk, phantoms or scans, made once and read by memory mapping."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from cloe.data_folder import data_folder
from cloe.datasets.case import LabelledCase, as_int16, resample
from cloe.phantom.anatomy import Anatomy, load_label_maps
from cloe.phantom.case import make_case

FINEST_MM = 1.0
COARSEST_MM = 2.5
FINEST_SHARE = 0.35
"""Share of the cases at the finest spacing, the one of most public data; the others spread up to the coarsest."""

_anatomies: list[Anatomy] = []


@dataclass(frozen=True)
class PoolCase:
    """One stored case, cropped to its brain or head.

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
        Millimetres per voxel along z, y, x.
    """

    images: np.ndarray
    labels: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    tumour: np.ndarray
    spacing: tuple[float, float, float]


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


def build_pool(
    folder: Path,
    cases: int,
    seed: int,
    use_label_maps: bool = True,
    processes: int = 2,
    spacing: float = 0.0,
) -> None:
    """Make the cases that are still missing in ``folder``; each depends only on its seed, its index and its voxel size.

    Parameters
    ----------
    spacing
        Millimetres per voxel of every case; 0 for one of its own each (:func:`case_spacing`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [index for index in range(cases) if not is_complete(folder, index)]
    if not missing:
        return
    jobs = [(folder, seed, index, spacing or case_spacing(seed, index)) for index in missing]
    with multiprocessing.Pool(processes, _prepare, (use_label_maps,)) as workers:
        for done, _ in enumerate(workers.imap(_store_case, jobs), 1):
            if done % 20 == 0 or done == len(jobs):
                print(f"pool: {done}/{len(jobs)} cases", flush=True)


def make_pool_case(folder: Path, index: int, seed: int, use_label_maps: bool) -> None:
    """Make one case; a process reads the label maps once."""
    if use_label_maps and not _anatomies:
        _prepare(use_label_maps)
    _store_case((folder, seed, index, case_spacing(seed, index)))


def _prepare(use_label_maps: bool) -> None:
    _anatomies[:] = load_shared_anatomies(use_label_maps)


def _store_case(job: tuple[Path, int, int, float]) -> None:
    folder, seed, index, spacing = job
    case = make_case((seed, index), spacing, _anatomies)
    description = {"description": case.description, "anatomy": case.anatomy}
    store_case(folder, seed, index, case.images, case.labels, (case.spacing,) * 3, description)


def store_case(
    folder: Path,
    seed: int,
    index: int,
    images: np.ndarray,
    labels: np.ndarray,
    spacing: tuple[float, float, float],
    description: dict[str, str],
) -> None:
    """Write one case of a pool, cropped to what is not 0 in any modality.

    Parameters
    ----------
    seed, index
        Name the case; voxels to centre patches on are drawn from them.
    images
        int16 ``[K, z, y, x]``.
    labels
        uint8 (z, y, x), channel indices.
    spacing
        Millimetres per voxel along z, y, x.
    description
        What else to keep about the case.
    """
    found = ndimage.find_objects((images != 0).any(0).astype(np.uint8))
    if not found:
        raise ValueError(f"case {index}: every voxel is 0")
    images = np.ascontiguousarray(images[(slice(None), *found[0])])
    labels = np.ascontiguousarray(labels[found[0]])
    values = images[:, (images != 0).any(0)].astype(np.float64)
    random = np.random.default_rng([seed, index, 2])
    centres = []
    for label in range(1, int(labels.max(initial=0)) + 1):
        voxels = np.flatnonzero(labels == label)
        if voxels.size:
            centres.append(random.choice(voxels, min(300, voxels.size), replace=False))
    flat = np.concatenate(centres) if centres else np.zeros(0, np.int64)
    content = {
        "spacing": list(spacing),
        "mean": values.mean(1).tolist(),
        "deviation": values.std(1).tolist(),
        **description,
        "tumour": np.stack(np.unravel_index(flat, labels.shape), 1).tolist(),
    }
    np.save(folder / f"{index:05d}.images.npy", images)
    np.save(folder / f"{index:05d}.labels.npy", labels)
    # Written last, in one move: its presence says that the case is complete.
    partial = folder / f"{index:05d}.partial"
    partial.write_text(json.dumps(content))
    partial.replace(folder / f"{index:05d}.json")


def build_scan_pool(
    folder: Path, readers: Sequence[Callable[[], LabelledCase]], spacings: Sequence[float | None], seed: int = 0
) -> None:
    """Store labelled scans, each once per voxel size; what is there already is kept.

    Parameters
    ----------
    readers
        One per study, called only if the study is missing.
    spacings
        Cubic voxel sizes in mm; ``None`` keeps the scan's own grid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, read in enumerate(readers):
        indices = [number * len(spacings) + place for place in range(len(spacings))]
        if all(is_complete(folder, index) for index in indices):
            continue
        case = read()
        for index, spacing in zip(indices, spacings, strict=True):
            scan = case if spacing is None else resample(case, spacing)
            images = np.stack([as_int16(image) for image in scan.images])
            store_case(folder, seed, index, images, scan.labels, scan.spacing, {"anatomy": "scan"})


def is_complete(folder: Path, index: int) -> bool:
    """Whether a case of a pool has been written to its end."""
    return (folder / f"{index:05d}.json").exists()


def load_case(folder: Path, index: int) -> PoolCase:
    """One complete case of a pool."""
    path = folder / f"{index:05d}.json"
    description = json.loads(path.read_text())
    return PoolCase(
        np.load(path.with_suffix(".images.npy"), mmap_mode="r"),
        np.load(path.with_suffix(".labels.npy"), mmap_mode="r"),
        np.array(description["mean"], np.float32),
        np.array(description["deviation"], np.float32),
        np.array(description["tumour"], np.int32).reshape(-1, 3),
        tuple(description["spacing"]),
    )


def remove_case(folder: Path, index: int) -> None:
    """Delete a case, its mark of completeness first."""
    for suffix in (".json", ".images.npy", ".labels.npy"):
        (folder / f"{index:05d}{suffix}").unlink(missing_ok=True)


def load_pool(folder: Path) -> list[PoolCase]:
    """All complete cases of a pool, by index.

    Raises
    ------
    ValueError
        If there is none.
    """
    cases = [load_case(folder, int(path.stem)) for path in sorted(folder.glob("*.json"))]
    if not cases:
        raise ValueError(f"no cases in the pool {folder.name}: build it first")
    return cases


def anatomy_shares(folder: Path) -> dict[str, float]:
    """Share of procedural and label-map anatomies in a pool, for the model card."""
    sources: Sequence[str] = [json.loads(p.read_text())["anatomy"] for p in folder.glob("*.json")]
    procedural = sum(source == "procedural" for source in sources)
    total = max(1, len(sources))
    return {"procedural": procedural / total, "labelMaps": math.fsum((len(sources) - procedural,)) / total}
