"""Whether the graphs say what the network says, and whether a bundle is intact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cloe.export.golden import golden_difference, golden_input
from cloe.inference.bundle import Bundle
from cloe.model.build import Network
from cloe.specification import subset_name, subsets

TOLERANCE = 1e-4
"""Largest absolute difference of a probability or a weight."""

LABEL_AGREEMENT = 0.9999


@dataclass(frozen=True)
class SubsetParity:
    """Largest absolute differences of one subset, and the share of voxels with equal labels."""

    subset: str
    probabilities: float
    gate: float
    labels: float

    def within(self, tolerance: float = TOLERANCE) -> bool:
        """Whether all differences are within the limits."""
        return max(self.probabilities, self.gate) <= tolerance and self.labels > LABEL_AGREEMENT


def parity_volumes(channels: int, window: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Blobs, noise and an empty margin: float32 ``[1, channels, z, y, x]`` within the normalised range."""
    random = np.random.default_rng(seed)
    wave = golden_input(channels, window)
    volumes = np.clip(1.5 * wave + 0.5 * random.standard_normal(wave.shape), -5.0, 5.0).astype(np.float32)
    volumes[..., : window[2] // 8] = 0.0
    return volumes


def compare(
    subset: str, reference: dict[str, np.ndarray], found: dict[str, np.ndarray], channels: list[int] | None = None
) -> SubsetParity:
    """Compare two sets of outputs; ``channels`` picks a subset's columns of the reference's gate outputs."""
    gate = [0.0]
    for name in ("weights", "consistency_global", "consistency_regional"):
        if name in found and name in reference:
            expected = reference[name] if channels is None else reference[name][:, channels]
            gate.append(float(np.abs(expected - found[name]).max()))
    expected, actual = reference["probabilities"], found["probabilities"]
    return SubsetParity(
        subset,
        float(np.abs(expected - actual).max()),
        max(gate),
        float((expected.argmax(1) == actual.argmax(1)).mean()),
    )


def network_parity(network: Network, bundle: Bundle, seed: int = 0) -> list[SubsetParity]:
    """The trained network, complete with experts and mask, against every subset's graph."""
    names = bundle.specification.modalities
    volumes = parity_volumes(len(names), bundle.window, seed)
    rows = []
    for subset in subsets(len(names)):
        channels = list(subset)
        available = torch.zeros(1, len(names), dtype=torch.bool)
        available[0, channels] = True
        with torch.inference_mode():
            output = network(torch.from_numpy(volumes), available)
        reference = {
            name: getattr(output, name).numpy()
            for name in ("probabilities", "weights", "consistency_global", "consistency_regional")
            if getattr(output, name) is not None
        }
        chosen = [names[index] for index in subset]
        found = bundle.run(chosen, np.ascontiguousarray(volumes[:, channels]))
        rows.append(compare(subset_name(chosen), reference, found, channels))
    return rows


def oracle_parity(bundle: Bundle, seed: int = 0) -> list[SubsetParity]:
    """The bundle's masked graph against every subset's graph; absent slots hold garbage."""
    names = bundle.specification.modalities
    volumes = parity_volumes(len(names), bundle.window, seed)
    rows = []
    for subset in subsets(len(names)):
        channels = list(subset)
        available = np.zeros((1, len(names)), np.float32)
        available[0, channels] = 1.0
        spoilt = np.full_like(volumes, np.nan)
        spoilt[:, channels] = volumes[:, channels]
        reference = bundle.run_oracle(spoilt, available)
        chosen = [names[index] for index in subset]
        found = bundle.run(chosen, np.ascontiguousarray(volumes[:, channels]))
        rows.append(compare(subset_name(chosen), reference, found, channels))
    return rows


def check_golden(bundle: Bundle) -> float:
    """Run the golden window; the largest difference from the manifest's numbers."""
    golden = bundle.manifest["golden"]
    volumes = golden_input(len(golden["modalities"]), bundle.window)
    return golden_difference(golden, bundle.run(golden["modalities"], volumes))
