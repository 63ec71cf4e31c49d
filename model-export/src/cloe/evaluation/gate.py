"""Whether the gate turns away from a spoilt modality, on held-out phantoms (model notes 6, points 1 and 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cloe.evaluation.studies import LabelledStudy
from cloe.inference.bundle import Bundle
from cloe.inference.preprocess import Crop, crop_and_normalise
from cloe.training.corruption import Corruption, corrupt


def tumour_window(crop: Crop, truth: np.ndarray, window: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    """Window of a crop around the tumour's centre, or the crop's middle without tumour.

    Parameters
    ----------
    crop
        Normalised crop.
    truth
        Class channels (z, y, x) of the whole volume.
    window
        (z, y, x) voxels.
    """
    found = np.argwhere(truth > 0)
    centre = found.mean(0) - np.array(crop.low) if len(found) else np.array(crop.brain.shape) / 2.0
    starts = [
        int(np.clip(round(middle - size / 2), 0, extent - size))
        for middle, size, extent in zip(centre, window, crop.brain.shape, strict=True)
    ]
    z, y, x = (slice(start, start + size) for start, size in zip(starts, window, strict=True))
    return z, y, x


def gate_response(bundle: Bundle, studies: Iterable[LabelledStudy], seed: int = 0) -> dict[str, Any]:
    """Weights of all modalities on clean windows, and of each modality when it alone is spoilt.

    Parameters
    ----------
    bundle
        A model of at least three modalities: with fewer the gate cannot act.
    studies
        Synthetic studies; a swap takes the same modality of the study before.

    Returns
    -------
    dict
        ``cases``; ``clean``: mean weight per modality; ``spoilt``: per kind of corruption the mean weight of
        the spoilt modality, the share of windows in which it is the lowest, and both per modality.
    """
    names = bundle.specification.modalities
    if len(names) < 3:
        raise ValueError("the gate acts from three modalities on")
    clip = float(bundle.manifest["normalisation"]["clip"])
    random = np.random.default_rng(seed)
    clean: list[np.ndarray] = []
    spoilt: dict[Corruption, list[tuple[int, np.ndarray]]] = {kind: [] for kind in Corruption}
    previous: np.ndarray | None = None
    for study in studies:
        crop = crop_and_normalise([study.volumes[name] for name in names], bundle.window, clip)
        volumes = crop.volumes[(slice(None), *tumour_window(crop, study.truth, bundle.window))]
        clean.append(_weights(bundle, volumes))
        for kind in Corruption:
            if kind is Corruption.SWAP and previous is None:
                continue
            for channel in range(len(names)):
                changed = volumes.copy()
                other = None if previous is None else previous[channel]
                changed[channel] = corrupt(random, volumes[channel], kind, other)
                spoilt[kind].append((channel, _weights(bundle, changed)))
        previous = volumes
    return {
        "cases": len(clean),
        "clean": _named(names, np.mean(clean, axis=0)),
        "spoilt": {kind.value: _response(names, rows) for kind, rows in spoilt.items() if rows},
    }


def corruption_curves(
    bundle: Bundle, studies: Iterable[LabelledStudy], strengths: Sequence[float], seed: int = 0
) -> dict[str, dict[str, list[float]]]:
    """Mean weight of a modality against how much it is spoilt, all modalities given.

    Every strength of one corruption uses the same random draws, so that a curve shows the strength alone.

    Parameters
    ----------
    bundle
        A model of at least three modalities.
    studies
        On grids of at least a window.
    strengths
        In [0, 1]; 0 leaves the modality as it is.
    seed
        Of the corruptions.

    Returns
    -------
    dict
        Kind of corruption to modality to one weight per strength. A swap needs two studies.
    """
    names = bundle.specification.modalities
    if len(names) < 3:
        raise ValueError("the gate acts from three modalities on")
    clip = float(bundle.manifest["normalisation"]["clip"])
    found: dict[str, dict[str, list[list[float]]]] = {}
    previous: np.ndarray | None = None
    for index, study in enumerate(studies):
        crop = crop_and_normalise([study.volumes[name] for name in names], bundle.window, clip)
        volumes = crop.volumes[(slice(None), *tumour_window(crop, study.truth, bundle.window))]
        clean = _weights(bundle, volumes)
        for kind in Corruption:
            if kind is Corruption.SWAP and previous is None:
                continue
            for channel, name in enumerate(names):
                curve = []
                for strength in strengths:
                    weights = clean
                    if strength > 0:
                        random = np.random.default_rng([seed, index, channel])
                        changed = volumes.copy()
                        other = None if previous is None else previous[channel]
                        changed[channel] = corrupt(random, volumes[channel], kind, other, strength)
                        weights = _weights(bundle, changed)
                    curve.append(float(weights[channel]))
                found.setdefault(kind.value, {}).setdefault(name, []).append(curve)
        previous = volumes
    return {
        kind: {name: np.mean(curves, axis=0).round(4).tolist() for name, curves in by_modality.items()}
        for kind, by_modality in found.items()
    }


def _weights(bundle: Bundle, volumes: np.ndarray) -> np.ndarray:
    outputs = bundle.run(bundle.specification.modalities, np.ascontiguousarray(volumes)[None])
    return outputs["weights"][0].astype(np.float64)


def _response(names: tuple[str, ...], rows: list[tuple[int, np.ndarray]]) -> dict[str, Any]:
    weights = {name: [w[channel] for channel, w in rows if names[channel] == name] for name in names}
    lowest = [bool(w.argmin() == channel) for channel, w in rows]
    return {
        "meanWeight": round(float(np.mean([w[channel] for channel, w in rows])), 4),
        "lowestShare": round(float(np.mean(lowest)), 4),
        "meanWeightByModality": {name: round(float(np.mean(values)), 4) for name, values in weights.items()},
    }


def _named(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}
