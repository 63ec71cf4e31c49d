"""The experts of a network one by one: each modality is encoded and decoded once, then fused in any combination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cloe.evaluation.dice import dice
from cloe.evaluation.gate import tumour_window
from cloe.evaluation.studies import LabelledStudy
from cloe.inference.preprocess import crop_and_normalise
from cloe.model.encoder import LEVELS
from cloe.model.network import ConsistencyGatedNetwork
from cloe.specification import Specification


@dataclass(frozen=True)
class TumourPatch:
    """One normalised window around the tumour.

    Attributes
    ----------
    volumes
        float32 ``[K, z, y, x]``, all modalities in bundle order.
    truth
        Class channels (z, y, x).
    """

    volumes: np.ndarray
    truth: np.ndarray


def tumour_patch(
    study: LabelledStudy, modalities: Sequence[str], window: tuple[int, int, int], clip: float
) -> TumourPatch:
    """Cut the window around a study's tumour as production would see it."""
    crop = crop_and_normalise([study.volumes[name] for name in modalities], window, clip)
    place = tumour_window(crop, study.truth, window)
    truth = np.zeros(crop.brain.shape, np.uint8)
    source = tuple(slice(low, low + extent) for low, extent in zip(crop.low, crop.extent, strict=True))
    truth[tuple(slice(0, extent) for extent in crop.extent)] = study.truth[source]
    return TumourPatch(np.ascontiguousarray(crop.volumes[(slice(None), *place)]), truth[place])


@dataclass(frozen=True)
class View:
    """What one expert makes of its modality: features finest first, and probabilities ``[1, C, z, y, x]``."""

    levels: tuple[Tensor, ...]
    probabilities: Tensor

    @property
    def channels(self) -> np.ndarray:
        """The expert's own class channels, (z, y, x)."""
        return self.probabilities[0].argmax(0).numpy().astype(np.uint8)


@dataclass(frozen=True)
class Fused:
    """A fusion of experts; ``[k]`` each, channels (z, y, x), region map in [0, 1]."""

    channels: np.ndarray
    weights: np.ndarray
    consistency_global: np.ndarray
    consistency_regional: np.ndarray
    region: np.ndarray


class Experts:
    """A network taken apart.

    Parameters
    ----------
    network
        In evaluation mode.
    """

    def __init__(self, network: ConsistencyGatedNetwork) -> None:
        self.network = network

    @torch.inference_mode()
    def view(self, modality: int, volume: np.ndarray) -> View:
        """Encode and decode one normalised volume (z, y, x)."""
        levels = self.network.encoders[modality](torch.from_numpy(np.ascontiguousarray(volume))[None, None])
        probabilities = torch.softmax(self.network.expert_decoder(levels), dim=1)
        return View(tuple(levels), probabilities)

    def views(self, volumes: np.ndarray) -> list[View]:
        """All modalities of ``[K, z, y, x]``."""
        return [self.view(modality, volume) for modality, volume in enumerate(volumes)]

    @torch.inference_mode()
    def fuse(
        self, views: Sequence[View], weights: Sequence[float] | None = None, subset: Sequence[int] | None = None
    ) -> Fused:
        """Fuse experts by the gate, or by given weights that sum to 1.

        Parameters
        ----------
        views
            Of the modalities in ``subset``, all of the model's by default.
        weights
            In the place of the gate's.
        subset
            Indices of the modalities.
        """
        levels = [torch.stack([view.levels[level] for view in views], dim=1) for level in range(LEVELS)]
        probabilities = torch.stack([view.probabilities for view in views], dim=1)
        available = torch.ones(1, len(views), dtype=torch.bool)
        given = None if weights is None else torch.tensor([list(weights)], dtype=torch.float32)
        output = self.network.fuse(levels, probabilities, available, weights=given, subset=subset)
        return Fused(
            output.probabilities[0].argmax(0).numpy().astype(np.uint8),
            output.weights[0].double().numpy(),
            output.consistency_global[0].double().numpy(),
            output.consistency_regional[0].double().numpy(),
            torch.sigmoid(output.region_logits[0, 0]).numpy(),
        )


def region_dice(specification: Specification, predicted: np.ndarray, truth: np.ndarray) -> Mapping[str, float]:
    """Dice of every region of two maps of class channels."""
    scores = {}
    for region in specification.regions:
        members = specification.region_indices(region)
        scores[region] = dice(np.isin(predicted, members), np.isin(truth, members))
    return scores
