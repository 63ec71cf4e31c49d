"""The complete network and its two ways to run: with a mask, or on a fixed subset of the modalities."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cloe.model.blocks import ClassSoftmax
from cloe.model.configuration import NetworkConfiguration, NetworkOutput, check_volumes
from cloe.model.consistency import (
    REGION_MASS_FLOOR,
    RegionHead,
    disagreement,
    expert_score,
    pairwise_similarity,
)
from cloe.model.decoder import Decoder
from cloe.model.encoder import LEVELS, Encoder
from cloe.model.gate import Gate, masked_softmax, spread_score


@dataclass
class Consistency:
    """Scores ``[B, K]`` and losses ``[B]`` of both kinds."""

    score_global: Tensor
    score_regional: Tensor
    loss_global: Tensor
    loss_regional: Tensor


class WeightedSum(nn.Module):
    """Mean of the modalities' features, replaceable by the export."""

    def forward(self, level: Tensor, weights: Tensor) -> Tensor:
        """Sum of ``[B, K, channels, z, y, x]`` over K with weights ``[B, K]``."""
        return (level * weights[:, :, None, None, None, None].to(level.dtype)).sum(1)


class ConsistencyGatedNetwork(nn.Module):
    """One encoder per modality, one shared expert decoder, consistency gate and fusion decoder."""

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        width = configuration.base_width
        self.encoders = nn.ModuleList(Encoder(width) for _ in range(configuration.modalities))
        self.expert_decoder = Decoder(width, configuration.classes)
        self.fusion_decoder = Decoder(width, configuration.classes)
        self.region_head = RegionHead(width)
        self.gate = Gate()
        biased = configuration.modality_bias
        self.modality_bias = nn.Parameter(torch.zeros(configuration.modalities)) if biased else None
        self.softmax = ClassSoftmax()
        self.mix = WeightedSum()

    def forward(self, volumes: Tensor, available: Tensor) -> NetworkOutput:
        """Run with a mask; every sample may lack different modalities.

        Parameters
        ----------
        volumes
            ``[B, K, z, y, x]``; the content of an absent slot is never looked at.
        available
            ``[B, K]`` bool, at least one per sample.
        """
        check_volumes(volumes, self.configuration.modalities)
        keep = available[:, :, None, None, None]
        volumes = torch.where(keep, volumes, torch.zeros_like(volumes))
        encoded = [encoder(volumes[:, m : m + 1]) for m, encoder in enumerate(self.encoders)]
        levels = [torch.stack([features[level] for features in encoded], dim=1) for level in range(LEVELS)]
        return self._judge_and_fuse(levels, available)

    def forward_subset(
        self,
        volumes: Tensor,
        subset: Sequence[int],
        shortcut: bool = False,
        trusted: Tensor | None = None,
    ) -> NetworkOutput:
        """Run only the encoders and experts of a fixed subset.

        Parameters
        ----------
        volumes
            ``[B, k, z, y, x]``, the subset's modalities in bundle order.
        subset
            Their indices, ascending.
        shortcut
            For one or two modalities the weights are 1/k whatever the experts say (pairwise agreement is
            symmetric and the gate is shared), or follow from the modalities' biases alone: skip the experts and
            return no consistency.
        trusted
            ``[B, k]`` bool, experts whose disagreement counts in the losses (all by default). Scores and
            weights look at every expert: they shall expose a spoilt input, while no expert shall be
            trained to agree with one.

        Returns
        -------
        NetworkOutput
            With k in the place of K.
        """
        check_volumes(volumes, len(subset))
        encoded = [self.encoders[m](volumes[:, i : i + 1]) for i, m in enumerate(subset)]
        if shortcut and len(subset) <= 2:
            return self._fuse_fixed(encoded, subset)
        levels = [torch.stack([features[level] for features in encoded], dim=1) for level in range(LEVELS)]
        available = torch.ones(volumes.shape[0], len(subset), dtype=torch.bool, device=volumes.device)
        return self._judge_and_fuse(levels, available, trusted, subset)

    def forward_complete(self, volumes: Tensor, drawn: Tensor, trusted: Tensor | None = None) -> NetworkOutput:
        """Run every encoder and expert, but judge and fuse the drawn modalities only (training).

        So that every expert can be held to the labels in every step, whatever the subset, as the RFNet family does.

        Parameters
        ----------
        volumes
            ``[B, K, z, y, x]``, complete.
        drawn
            ``[B, K]`` bool, at least one per sample.
        trusted
            ``[B, K]`` bool, see :meth:`forward_subset`.
        """
        check_volumes(volumes, self.configuration.modalities)
        encoded = [encoder(volumes[:, m : m + 1]) for m, encoder in enumerate(self.encoders)]
        levels = [torch.stack([features[level] for features in encoded], dim=1) for level in range(LEVELS)]
        experts = self._expert_probabilities(levels, torch.ones_like(drawn))
        return self.fuse(levels, experts, drawn, drawn if trusted is None else trusted & drawn)

    def fixed_weights(self, subset: Sequence[int]) -> Tensor:
        """Weights ``[k]`` of one or two modalities, which no expert can change."""
        if self.modality_bias is None:
            return torch.full((len(subset),), 1.0 / len(subset))
        return torch.softmax(self.modality_bias[list(subset)], 0)

    def _fuse_fixed(self, encoded: Sequence[Sequence[Tensor]], subset: Sequence[int]) -> NetworkOutput:
        count = len(encoded)
        if self.modality_bias is not None:
            shares = self.fixed_weights(subset)
            fused = [
                sum(share * features[level] for share, features in zip(shares, encoded, strict=True))
                for level in range(LEVELS)
            ]
            probabilities = self.softmax(self.fusion_decoder(fused))
            return NetworkOutput(probabilities, shares.expand(probabilities.shape[0], count))
        fused = []
        for level in range(LEVELS):
            total = encoded[0][level]
            for features in encoded[1:]:
                total = total + features[level]
            fused.append(total if count == 1 else total * (1.0 / count))
        probabilities = self.softmax(self.fusion_decoder(fused))
        weights = torch.full((probabilities.shape[0], count), 1.0 / count, device=probabilities.device)
        return NetworkOutput(probabilities, weights)

    def _judge_and_fuse(
        self,
        levels: list[Tensor],
        available: Tensor,
        trusted: Tensor | None = None,
        subset: Sequence[int] | None = None,
    ) -> NetworkOutput:
        """Fuse stacked features ``[B, K, channels, z, y, x]`` per level."""
        experts = self._expert_probabilities(levels, available)
        return self.fuse(levels, experts, available, trusted, subset=subset)

    def fuse(
        self,
        levels: Sequence[Tensor],
        experts: Tensor,
        available: Tensor,
        trusted: Tensor | None = None,
        weights: Tensor | None = None,
        subset: Sequence[int] | None = None,
    ) -> NetworkOutput:
        """Judge the experts and fuse their features.

        Parameters
        ----------
        levels
            Features ``[B, K, channels, z, y, x]``, finest first.
        experts
            Probabilities ``[B, K, C, z, y, x]``, zero for absent experts.
        available
            ``[B, K]`` bool.
        trusted
            See :meth:`forward_subset`.
        weights
            ``[B, K]``, in the place of the gate's: to ask what other weights would have given.
        subset
            Which modalities the K ones are; all of the model's by default.
        """
        region_logits = self.region_head(self.mix(levels[0], _uniform(available)))
        with _full_precision():
            consistency = self._consistency(experts, region_logits, available, trusted)
            if weights is None:
                weights = self._weights(consistency, available, subset)
        fused = [self.mix(level, weights) for level in levels]
        probabilities = self.softmax(self.fusion_decoder(fused))
        return NetworkOutput(
            probabilities,
            weights,
            consistency.score_global,
            consistency.score_regional,
            experts,
            region_logits,
            consistency.loss_global,
            consistency.loss_regional,
        )

    def _expert_probabilities(self, levels: list[Tensor], available: Tensor) -> Tensor:
        batch, count = available.shape
        logits = self.expert_decoder([level.flatten(0, 1) for level in levels])
        probabilities = self.softmax(logits)
        return probabilities.unflatten(0, (batch, count)) * available[:, :, None, None, None, None].float()

    def _consistency(
        self, experts: Tensor, region_logits: Tensor, available: Tensor, trusted: Tensor | None
    ) -> Consistency:
        similarity, _ = pairwise_similarity(experts)
        region = torch.sigmoid(region_logits.float())
        if self.configuration.detach_region:
            region = region.detach()
        regional, squared_norm = pairwise_similarity(experts, region)
        score_global = expert_score(similarity, available)
        score_regional = expert_score(regional, available)
        score_regional = torch.where(squared_norm < REGION_MASS_FLOOR, score_global, score_regional)
        trusted = available if trusted is None else trusted
        return Consistency(
            score_global,
            score_regional,
            disagreement(similarity, trusted),
            disagreement(regional, trusted),
        )

    def _weights(self, consistency: Consistency, available: Tensor, subset: Sequence[int] | None) -> Tensor:
        if self.configuration.fusion == "mean":
            return _uniform(available)
        # Detached: otherwise the segmentation loss could raise a weight by making experts agree.
        score_global = consistency.score_global.detach()
        score_regional = consistency.score_regional.detach()
        if not self.configuration.use_global:
            score_global = torch.zeros_like(score_global)
        if not self.configuration.use_regional:
            score_regional = torch.zeros_like(score_regional)
        if self.configuration.fusion == "scores":
            logits = spread_score(score_global) + spread_score(score_regional)
        else:
            logits = self.gate(score_global, score_regional)
        if self.modality_bias is not None:
            logits = logits + (self.modality_bias if subset is None else self.modality_bias[list(subset)])
        return masked_softmax(logits, available)


def _full_precision() -> AbstractContextManager:
    """Scores differ in the third digit: a matrix product in half precision would drown them."""
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            return torch.autocast(device, enabled=False)
    return nullcontext()


def _uniform(available: Tensor) -> Tensor:
    present = available.float()
    return present / present.sum(1, keepdim=True)
