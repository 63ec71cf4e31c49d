"""Decoder from features at four scales to class logits (model notes 1.2).

The same topology serves twice, with separate weights: shared by all experts, and for the fused features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cloe.model.blocks import ConvolutionUnit, DoubleSize
from cloe.model.encoder import LEVELS


class DecoderLevel(nn.Module):
    """Enlarge the coarse features, join them with the skip connection and mix both."""

    def __init__(self, channels_out: int) -> None:
        super().__init__()
        self.enlarge = DoubleSize()
        self.reduce = ConvolutionUnit(2 * channels_out, channels_out)
        self.join = ConvolutionUnit(2 * channels_out, channels_out)
        self.mix = ConvolutionUnit(channels_out, channels_out, kernel=1)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Map ``[B, 2C, z/2, y/2, x/2]`` and ``[B, C, z, y, x]`` to ``[B, C, z, y, x]``."""
        enlarged = self.reduce(self.enlarge(coarse))
        return self.mix(self.join(torch.cat((enlarged, skip), dim=1)))


class Decoder(nn.Module):
    """From features at four scales to one logit per class and voxel.

    Parameters
    ----------
    base_width
        Channels of the finest scale.
    classes
        Number of classes, background included.
    """

    def __init__(self, base_width: int, classes: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(DecoderLevel(base_width * 2**level) for level in range(LEVELS - 1))
        self.head = nn.Conv3d(base_width, classes, 1)
        nn.init.kaiming_normal_(self.head.weight)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Decode features (finest first, as the encoder returns them) to logits ``[B, classes, z, y, x]``."""
        current = features[-1]
        for level in range(LEVELS - 2, -1, -1):
            current = self.levels[level](current, features[level])
        return self.head(current)
