"""The reference inference: volumes of a study to mask, weights, consistency and volumes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloe.inference.bundle import CONSISTENCY, WHOLE_CROP, Bundle
from cloe.inference.preprocess import Crop, crop_and_normalise
from cloe.inference.windows import StudyScores, WindowScores, summarise, windows
from cloe.nifti import Volume, load_volume, restore_order, save_volume

GRID_TOLERANCE_MM = 1e-3


@dataclass(frozen=True)
class Segmentation:
    """Result of one study.

    Attributes
    ----------
    modalities
        Those used, in bundle order.
    channels
        uint8 (z, y, x) class channel per voxel, in the bundle's orientation.
    scores
        Per modality, in the order of ``modalities``.
    gate
        ``computed``, ``fixed`` or ``none``; consistency is undefined for the last two, and with ``none`` the weights
        are mere placeholders. Two modalities whose consistency is computed keep the weights 1/2.
    """

    modalities: tuple[str, ...]
    channels: np.ndarray
    scores: StudyScores
    gate: str


@dataclass(frozen=True)
class Mode:
    """Choices beyond the bundle's defaults; without effect where the bundle has no graph for them.

    Attributes
    ----------
    whole_crop
        Segment a crop at once if a graph is large enough; windows otherwise.
    pair_consistency
        Compute the consistency of two modalities.
    """

    whole_crop: bool = True
    pair_consistency: bool = False


USUAL = Mode()


def segment(bundle: Bundle, volumes: Mapping[str, np.ndarray], mode: Mode = USUAL) -> Segmentation:
    """Segment a study.

    Parameters
    ----------
    bundle
        The model.
    volumes
        Modality to (z, y, x) array in the bundle's orientation, all on one grid.
    """
    names = [bundle.specification.modalities[index] for index in bundle.specification.indices(volumes)]
    clip = float(bundle.manifest["normalisation"]["clip"])
    crop = crop_and_normalise([volumes[name] for name in names], bundle.window, clip)
    whole = whole_crop_graph(bundle, names, crop.brain.shape) if mode.whole_crop else None
    if whole is None:
        labels, scores = _by_windows(bundle, names, crop, mode)
    else:
        labels, scores = _at_once(bundle, whole, crop)
    computed = not np.isnan(scores[0].consistency_global).any()
    full = np.zeros(next(iter(volumes.values())).shape, np.uint8)
    target = tuple(slice(low, low + extent) for low, extent in zip(crop.low, crop.extent, strict=True))
    full[target] = labels[tuple(slice(0, extent) for extent in crop.extent)]
    return Segmentation(tuple(names), full, summarise(scores), "computed" if computed else bundle.gate(names))


def whole_crop_graph(bundle: Bundle, names: Sequence[str], shape: Sequence[int]) -> Mapping[str, Any] | None:
    """The smallest graph that takes a crop of this shape (z, y, x) at once and is filled at least by half, if any.

    Padding moves the statistics by which the network normalises.
    """
    for entry in bundle.extra_graphs(WHOLE_CROP, names):
        if all(np.less_equal(shape, entry["window"])) and 2 * math.prod(shape) >= math.prod(entry["window"]):
            return entry
    return None


def _by_windows(bundle: Bundle, names: list[str], crop: Crop, mode: Mode) -> tuple[np.ndarray, list[WindowScores]]:
    pair = bundle.extra_graphs(CONSISTENCY, names) if mode.pair_consistency else []
    sums = np.zeros((len(bundle.specification.classes), *crop.brain.shape), np.float32)
    scores = []
    for place in windows(crop.brain.shape, bundle.window, float(bundle.manifest["overlap"])):
        volumes = np.ascontiguousarray(crop.volumes[(slice(None), *place)])[None]
        outputs = bundle.run_graph(pair[0], volumes) if pair else bundle.run(names, volumes)
        probabilities = outputs["probabilities"][0]
        sums[(slice(None), *place)] += probabilities
        mass = float((1.0 - probabilities[0].astype(np.float64)).sum())
        scores.append(_scores(mass, outputs, bundle.fixed_weights(names)))
    return np.where(crop.brain, sums.argmax(0), 0).astype(np.uint8), scores


def _at_once(bundle: Bundle, graph: Mapping[str, Any], crop: Crop) -> tuple[np.ndarray, list[WindowScores]]:
    shape = crop.brain.shape
    beyond = [(0, size - extent) for size, extent in zip(graph["window"], shape, strict=True)]
    outputs = bundle.run_graph(graph, np.pad(crop.volumes, [(0, 0), *beyond])[None])
    inside = tuple(slice(0, extent) for extent in shape)
    labels = np.where(crop.brain, outputs["labels"][0][inside], 0).astype(np.uint8)
    return labels, [_scores(float(outputs["foreground"][0]), outputs, bundle.fixed_weights(graph["modalities"]))]


def _scores(mass: float, outputs: Mapping[str, np.ndarray], fixed_weights: np.ndarray) -> WindowScores:
    if "weights" in outputs:
        return WindowScores(
            mass, outputs["weights"][0], outputs["consistency_global"][0], outputs["consistency_regional"][0]
        )
    undefined = np.full(len(fixed_weights), np.nan)
    return WindowScores(mass, fixed_weights, undefined, undefined)


def load_study(paths: Mapping[str, Path], orientation: str) -> dict[str, Volume]:
    """Read a study's volumes.

    Raises
    ------
    ValueError
        If their grids differ.
    """
    loaded = {name: load_volume(path, orientation) for name, path in paths.items()}
    first = next(iter(loaded.values()))
    for name, volume in loaded.items():
        same = volume.original_shape == first.original_shape
        if not same or np.abs(volume.original_affine - first.original_affine).max() > GRID_TOLERANCE_MM:
            raise ValueError(f"the grid of {name} differs from the other volumes'")
    return loaded


def result_document(bundle: Bundle, segmentation: Segmentation, voxel_ml: float) -> dict[str, Any]:
    """The result as plain values: weights, spread, consistency (``None`` where undefined), volumes, voxel counts."""
    specification = bundle.specification
    names = segmentation.modalities
    scores = segmentation.scores

    def by_modality(values: np.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in zip(names, values, strict=True)}

    computed = segmentation.gate == "computed"
    counts = np.bincount(segmentation.channels.ravel(), minlength=len(specification.classes))
    voxels = {name: int(counts[index]) for index, name in enumerate(specification.class_names)}
    volumes = {
        region: float(sum(voxels[name] for name in members) * voxel_ml)
        for region, members in specification.regions.items()
    }
    for name in specification.class_names[1:]:
        volumes.setdefault(name, voxels[name] * voxel_ml)
    return {
        "model": {"id": bundle.manifest["id"], "version": bundle.manifest["version"], "sha256": bundle.digest()},
        "modalities": list(names),
        "gate": segmentation.gate,
        "weights": by_modality(scores.weights) if segmentation.gate != "none" else None,
        "consistencyGlobal": by_modality(scores.consistency_global) if computed else None,
        "consistencyRegional": by_modality(scores.consistency_regional) if computed else None,
        "spread": by_modality(scores.spread) if segmentation.gate != "none" else None,
        "volumesMl": volumes,
        "voxels": voxels,
        "notForClinicalUse": bool(bundle.manifest["notForClinicalUse"]),
    }


def segment_files(
    bundle: Bundle, paths: Mapping[str, Path], mask_path: Path | None = None, mode: Mode = USUAL
) -> dict[str, Any]:
    """Segment a study on disk, write its mask in the study's own grid, return the result document."""
    orientation = bundle.manifest["orientation"]
    study = load_study(paths, orientation)
    segmentation = segment(bundle, {name: volume.data for name, volume in study.items()}, mode)
    first = next(iter(study.values()))
    if mask_path is not None:
        table = mask_values(bundle)
        mask = restore_order(table[segmentation.channels], first, orientation)
        save_volume(mask_path, mask, first.original_affine, label=True)
    voxel_ml = float(abs(np.linalg.det(first.original_affine[:3, :3]))) / 1000.0
    return result_document(bundle, segmentation, voxel_ml)


def mask_values(bundle: Bundle) -> np.ndarray:
    """Table from class channel to the value in the mask, uint8."""
    entries: Sequence[Mapping[str, Any]] = bundle.manifest["classes"]
    table = np.zeros(len(entries), np.uint8)
    for entry in entries:
        table[entry["index"]] = entry["label"]
    return table
