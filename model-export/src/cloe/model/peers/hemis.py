"""U-HeMIS: mean and variance of the modalities' features at every scale (model notes 1.6).

After the description of U-HeMIS in the missing-modality literature; published code differs in details, so neither
figures nor weights of the two can be exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cloe.model.blocks import ConvolutionUnit
from cloe.model.configuration import NetworkConfiguration, NetworkOutput, check_volumes
from cloe.model.decoder import Decoder
from cloe.model.encoder import LEVELS

DROPOUT = 0.1
"""Of whole feature channels, while training."""


class PlainEncoder(nn.Module):
    """U-Net encoder of one modality: two convolutions per scale, halved by max-pooling.

    Parameters
    ----------
    base_width
        Channels at full size; each coarser scale has twice as many.
    """

    def __init__(self, base_width: int) -> None:
        super().__init__()
        widths = [base_width * 2**level for level in range(LEVELS)]
        self.first = nn.ModuleList(
            ConvolutionUnit(1 if level == 0 else widths[level - 1], width) for level, width in enumerate(widths)
        )
        self.second = nn.ModuleList(ConvolutionUnit(width, width) for width in widths)
        self.dropout = nn.Dropout3d(DROPOUT)

    def forward(self, volume: Tensor) -> list[Tensor]:
        """Encode ``[B, 1, z, y, x]``; finest first, as :class:`cloe.model.encoder.Encoder` does."""
        features = []
        for level, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            if level > 0:
                volume = functional.max_pool3d(volume, 2)
            volume = second(self.dropout(first(volume)))
            features.append(volume)
        return features


class MomentFusionNetwork(nn.Module):
    """One encoder per modality; the decoder sees their mean and variance.

    Parameters
    ----------
    configuration
        With ``architecture`` ``hemis``.
    """

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        width = configuration.base_width
        self.encoders = nn.ModuleList(PlainEncoder(width) for _ in range(configuration.modalities))
        self.merge = nn.ModuleList(
            ConvolutionUnit(2 * width * 2**level, width * 2**level, kernel=1) for level in range(LEVELS)
        )
        self.decoder = Decoder(width, configuration.classes)

    def forward(self, volumes: Tensor, available: Tensor) -> NetworkOutput:
        """Run with a mask ``[B, K]`` bool on ``[B, K, z, y, x]``; absent slots are never looked at."""
        check_volumes(volumes, self.configuration.modalities)
        keep = available[:, :, None, None, None]
        volumes = torch.where(keep, volumes, torch.zeros_like(volumes))
        return self._fuse([encoder(volumes[:, m : m + 1]) for m, encoder in enumerate(self.encoders)], available)

    def forward_subset(
        self, volumes: Tensor, subset: Sequence[int], shortcut: bool = False, trusted: Tensor | None = None
    ) -> NetworkOutput:
        """Run the encoders of a fixed subset on ``[B, k, z, y, x]``; the other arguments mean nothing here."""
        check_volumes(volumes, len(subset))
        encoded = [self.encoders[m](volumes[:, i : i + 1]) for i, m in enumerate(subset)]
        available = torch.ones(volumes.shape[0], len(subset), dtype=torch.bool, device=volumes.device)
        return self._fuse(encoded, available)

    def _fuse(self, encoded: Sequence[Sequence[Tensor]], available: Tensor) -> NetworkOutput:
        fused = []
        for level, merge in enumerate(self.merge):
            mean, variance = moments([features[level] for features in encoded], available)
            fused.append(merge(torch.cat((mean, variance), dim=1)))
        return NetworkOutput(torch.softmax(self.decoder(fused).float(), dim=1))


def moments(features: Sequence[Tensor], available: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and (population) variance over the available modalities, channel by channel.

    Parameters
    ----------
    features
        K tensors ``[B, C, z, y, x]``.
    available
        ``[B, K]`` bool, at least one per sample; with one the variance is 0.
    """
    share = available.float() / available.float().sum(1, keepdim=True)
    columns = [share[:, m, None, None, None, None].to(features[0].dtype) for m in range(len(features))]
    mean = sum(feature * column for feature, column in zip(features, columns, strict=True))
    variance = sum((feature - mean).square() * column for feature, column in zip(features, columns, strict=True))
    return mean, variance
