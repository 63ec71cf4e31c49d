"""Weights of the modalities from their consistency scores (model notes 1.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ABSENT_LOGIT = -1e4
"""Added to the logit of an absent modality; its weight underflows to exactly 0 in float32."""

SCORE_FLOOR = 1e-4
"""Keeps the score's logarithm finite for experts that agree perfectly."""


def spread_score(score: Tensor) -> Tensor:
    """Stretch scores near 1, where good and bad experts differ by little: ``-log(1 - s + 1e-4)``."""
    return -torch.log(1.0 - score.clamp(max=1.0) + SCORE_FLOOR)


def masked_softmax(logits: Tensor, available: Tensor) -> Tensor:
    """Softmax over the available modalities, exactly 0 elsewhere; ``[B, K]``, ``[B, K]`` bool to ``[B, K]``."""
    present = available.float()
    weights = torch.softmax(logits * present + (present - 1.0) * -ABSENT_LOGIT, dim=1)
    return weights * present


class Gate(nn.Module):
    """Two scores of one modality to one logit; the same weights serve every modality.

    The last layer starts at zero, so training starts from uniform fusion.
    """

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.first = nn.Linear(2, hidden)
        self.second = nn.Linear(hidden, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, score_global: Tensor, score_regional: Tensor) -> Tensor:
        """Logits ``[B, K]`` from two scores ``[B, K]`` in [0, 1]."""
        inputs = torch.stack((spread_score(score_global), spread_score(score_regional)), dim=-1)
        return self.second(torch.relu(self.first(inputs))).squeeze(-1)
