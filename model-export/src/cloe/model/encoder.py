"""Encoder of one modality (model notes 1.2, RFNet family)."""

from __future__ import annotations

from torch import Tensor, nn

from cloe.model.blocks import ConvolutionUnit

LEVELS = 4
"""Number of scales; the spatial size must be divisible by ``2 ** (LEVELS - 1)``."""

SIZE_MULTIPLE = 2 ** (LEVELS - 1)
"""Every spatial size fed to the network must be a multiple of this."""


class EncoderLevel(nn.Module):
    """One scale: an entry unit, then two units whose result is added to the entry's."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.entry = ConvolutionUnit(channels_in, channels_out, stride=stride)
        self.first = ConvolutionUnit(channels_out, channels_out)
        self.second = ConvolutionUnit(channels_out, channels_out)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[B, channels_in, z, y, x]`` to ``[B, channels_out, z / stride, ...]``."""
        entry = self.entry(features)
        return entry + self.second(self.first(entry))


class Encoder(nn.Module):
    """Features of one modality at four scales.

    Parameters
    ----------
    base_width
        Channels at full size; each coarser scale has twice as many.
    """

    def __init__(self, base_width: int) -> None:
        super().__init__()
        widths = [base_width * 2**level for level in range(LEVELS)]
        self.levels = nn.ModuleList(
            EncoderLevel(1 if level == 0 else widths[level - 1], widths[level], 1 if level == 0 else 2)
            for level in range(LEVELS)
        )

    def forward(self, volume: Tensor) -> list[Tensor]:
        """Encode a normalised volume.

        Parameters
        ----------
        volume
            ``[B, 1, z, y, x]``, z-scores clipped to a few units, 0 outside the brain.

        Returns
        -------
        list of Tensor
            Finest first: level ``l`` (from 0) is ``[B, base_width * 2**l, z / 2**l, ...]``.
        """
        features = []
        for level in self.levels:
            volume = level(volume)
            features.append(volume)
        return features
