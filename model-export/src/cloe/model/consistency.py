"""Agreement of the experts: global (MEC) and in the tumour region (REC), model notes 1.3.

Both are cosine similarities of whole probability maps, computed for all pairs at once from one Gram matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cloe.model.blocks import NEGATIVE_SLOPE

NORM_FLOOR = 1e-12
"""Smallest squared norm (of maps scaled by one over the square root of their length) to divide by."""

REGION_MASS_FLOOR = 1e-8
"""Below this squared norm of a region-weighted map its direction is noise and the global score stands in."""


class RegionHead(nn.Module):
    """Map of where the tumour is, from the mean of the experts' finest features."""

    def __init__(self, base_width: int, hidden: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv3d(base_width, hidden, 1)
        self.second = nn.Conv3d(hidden, 1, 1)
        nn.init.kaiming_normal_(self.first.weight)
        nn.init.kaiming_normal_(self.second.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[B, base_width, z, y, x]`` to logits ``[B, 1, z, y, x]``."""
        return self.second(functional.leaky_relu(self.first(features), NEGATIVE_SLOPE))


def pairwise_similarity(maps: Tensor, voxel_weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cosine similarity of every pair of experts' maps.

    Parameters
    ----------
    maps
        Probabilities ``[B, K, C, z, y, x]``.
    voxel_weight
        Factor on each map, ``[B, 1, z, y, x]`` in [0, 1]; ``None`` for 1.

    Returns
    -------
    similarity
        ``[B, K, K]`` in [0, 1] for non-negative maps; 0 where a map is all zero.
    squared_norm
        ``[B, K]``, mean square of each (weighted) map.
    """
    scaled = maps.float()
    if voxel_weight is not None:
        scaled = scaled * voxel_weight.float().unsqueeze(1)
    # One small product per class and slice, then their sum: a single sum over millions of voxels in float32 is off by
    # more than the difference between a good and a bad expert. Scaled first, it also survives narrow number formats.
    slices = scaled.flatten(4).flatten(2, 3).transpose(1, 2)
    slices = slices * ((slices.shape[1] * slices.shape[3]) ** -0.5)
    gram = torch.matmul(slices, slices.transpose(2, 3)).sum(1)
    squared_norm = torch.diagonal(gram, dim1=1, dim2=2)
    inverse = torch.rsqrt(squared_norm.clamp_min(NORM_FLOOR))
    return gram * inverse.unsqueeze(2) * inverse.unsqueeze(1), squared_norm


def pair_availability(available: Tensor) -> Tensor:
    """Which ordered pairs of different experts are both available: ``[B, K]`` bool to ``[B, K, K]`` float."""
    present = available.float()
    pairs = present.unsqueeze(2) * present.unsqueeze(1)
    return pairs * (1.0 - torch.eye(available.shape[1], device=available.device))


def expert_score(similarity: Tensor, available: Tensor) -> Tensor:
    """Mean similarity of each available expert with the other available ones.

    Parameters
    ----------
    similarity
        ``[B, K, K]``.
    available
        ``[B, K]`` bool.

    Returns
    -------
    Tensor
        ``[B, K]``; 0 for an absent expert and for one without partner, where the score is undefined.
    """
    pairs = pair_availability(available)
    return (similarity * pairs).sum(2) / pairs.sum(2).clamp_min(1.0)


def disagreement(similarity: Tensor, available: Tensor) -> Tensor:
    """Mean over the available pairs of one minus their similarity, per sample; 0 without a pair.

    Parameters
    ----------
    similarity
        ``[B, K, K]``.
    available
        ``[B, K]`` bool.

    Returns
    -------
    Tensor
        ``[B]`` in [0, 1].
    """
    pairs = pair_availability(available)
    return ((1.0 - similarity) * pairs).sum((1, 2)) / pairs.sum((1, 2)).clamp_min(1.0)
