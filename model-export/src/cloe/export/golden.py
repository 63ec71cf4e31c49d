"""The golden window: a fixed input with its expected answer, so that a loader can check itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SAMPLES = 64
TOLERANCE = 1e-3


def golden_input(channels: int, window: Sequence[int]) -> np.ndarray:
    """Float32 ``[1, channels, z, y, x]`` of the formula on the contract page, computed in float64."""
    c, z, y, x = np.ogrid[0:channels, 0 : window[0], 0 : window[1], 0 : window[2]]
    return np.sin(0.37 * (c + 1) + 0.11 * z + 0.07 * y + 0.05 * x).astype(np.float32)[None]


def golden_entry(
    modalities: Sequence[str],
    window: Sequence[int],
    outputs: Mapping[str, np.ndarray],
    fixed_weights: np.ndarray,
    has_gate: bool = True,
) -> dict[str, Any]:
    """The manifest's ``golden`` from the outputs of the graph of all modalities.

    Parameters
    ----------
    modalities
        Names in bundle order.
    window
        (z, y, x) voxels.
    outputs
        By tensor name. The gate's outputs may lack (one or two modalities): then there is no consistency.
    fixed_weights
        The weights in that case.
    has_gate
        Whether the model weighs modalities at all; otherwise there are no weights either.
    """
    random = np.random.default_rng(0)
    places = sorted({tuple(int(random.integers(size)) for size in window) for _ in range(SAMPLES)})
    probabilities = outputs["probabilities"][0]
    weights = outputs["weights"][0] if "weights" in outputs else fixed_weights
    return {
        "modalities": list(modalities),
        "tolerance": TOLERANCE,
        "weights": _numbers(weights) if has_gate else [],
        "consistencyGlobal": _numbers(outputs["consistency_global"][0]) if "consistency_global" in outputs else [],
        "consistencyRegional": (
            _numbers(outputs["consistency_regional"][0]) if "consistency_regional" in outputs else []
        ),
        "samples": [
            {"z": z, "y": y, "x": x, "probabilities": _numbers(probabilities[:, z, y, x])} for z, y, x in places
        ],
    }


def golden_difference(golden: Mapping[str, Any], outputs: Mapping[str, np.ndarray]) -> float:
    """Largest absolute difference between the manifest's golden numbers and a graph's outputs."""
    differences = [0.0]
    for sample in golden["samples"]:
        found = outputs["probabilities"][0, :, sample["z"], sample["y"], sample["x"]]
        differences.append(float(np.abs(found - np.array(sample["probabilities"])).max()))
    for key, tensor in (
        ("weights", "weights"),
        ("consistencyGlobal", "consistency_global"),
        ("consistencyRegional", "consistency_regional"),
    ):
        if tensor in outputs:
            differences.append(float(np.abs(outputs[tensor][0] - np.array(golden[key])).max()))
    return max(differences)


def _numbers(values: np.ndarray) -> list[float]:
    return [round(float(value), 7) for value in values]
