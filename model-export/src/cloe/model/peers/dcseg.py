"""DC-Seg: RFNet whose features are taught to hold the anatomy and not the modality (model notes 1.6, 2.2).

After Li et al., "DC-Seg". While training, a style encoder per modality tells how that one shows things, and an image
decoder makes the volume again from the fused anatomy and the style; two contrasts keep anatomy and style apart.
Segmenting takes RFNet's way and nothing of this. Contents are compared by their cosine, where DC-Seg takes structural
similarity, which needs patches of 88 voxels and more; styles and reconstructions are those of the drawn modalities
instead of all. Neither figures nor weights can be exchanged with the published code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from cloe.model.blocks import double_size
from cloe.model.configuration import Disentangled, NetworkConfiguration, NetworkOutput
from cloe.model.peers.rfnet import RegionFusionNetwork

VARIANCE_FLOOR = 1e-6
RESIDUAL_BLOCKS = 4


class StyleEncoder(nn.Module):
    """How a modality shows things: one vector per volume.

    Parameters
    ----------
    base_width
        Of the network; the vector has eight times as many numbers.
    """

    def __init__(self, base_width: int) -> None:
        super().__init__()
        widths = [base_width * factor for factor in (2, 4, 8, 8, 8)]
        self.first = nn.Conv3d(1, widths[0], 7, padding=3)
        self.halvings = nn.ModuleList(
            nn.Conv3d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.last = nn.Conv3d(widths[-1], widths[-1], 1)

    def forward(self, volume: Tensor) -> Tensor:
        """Map ``[B, 1, z, y, x]``, at least 16 voxels per axis, to ``[B, 8 base_width]``."""
        features = functional.relu(self.first(volume))
        for halving in self.halvings:
            features = functional.relu(halving(features))
        return self.last(features.mean((2, 3, 4), keepdim=True)).flatten(1)


class StyledBlock(nn.Module):
    """Residual block whose normalised features are scaled and shifted by the style."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.second = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.normalisation = nn.InstanceNorm3d(channels)

    def forward(self, features: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """Map ``[B, C, z, y, x]`` to the same shape; shift and scale are ``[B, C]``."""
        hidden = functional.relu(self._styled(self.first(features), shift, scale))
        return features + self._styled(self.second(hidden), shift, scale)

    def _styled(self, features: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        shift, scale = (number[:, :, None, None, None] for number in (shift, scale))
        return self.normalisation(features) * scale + shift


class ImageDecoder(nn.Module):
    """A volume of one modality from the coarsest fused features and that modality's style.

    Parameters
    ----------
    base_width
        Of the network.
    """

    def __init__(self, base_width: int) -> None:
        super().__init__()
        width = 8 * base_width
        self.style = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2 * width)
        )
        self.blocks = nn.ModuleList(StyledBlock(width) for _ in range(RESIDUAL_BLOCKS))
        self.doublings = nn.ModuleList(
            nn.Conv3d(width // 2**step, width // 2 ** (step + 1), 5, padding=2) for step in range(3)
        )
        self.last = nn.Conv3d(base_width, 1, 7, padding=3)

    def forward(self, content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[B, 8 base_width, z, y, x]`` and ``[B, 8 base_width]`` to a volume and the style's divergence.

        Returns
        -------
        volume, divergence
            ``[B, 1, 8z, 8y, 8x]``, and ``[B]``: Kullback-Leibler divergence of the normal distribution with the style's
            shift and scale from the standard one, mean over the channels.
        """
        shift, scale = self.style(style).float().chunk(2, dim=1)
        features = content
        for block in self.blocks:
            features = block(features, shift, scale)
        for doubling in self.doublings:
            features = functional.relu(doubling(double_size(features)))
        variance = scale.square()
        divergence = 0.5 * (shift.square() + variance - torch.log(variance + VARIANCE_FLOOR) - 1.0)
        return self.last(features), divergence.mean(1)


class DisentanglingNetwork(RegionFusionNetwork):
    """RFNet with a style encoder and an image decoder per modality, which only training runs.

    Parameters
    ----------
    configuration
        With ``architecture`` ``dcseg``.
    """

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__(configuration)
        width, count = configuration.base_width, configuration.modalities
        self.style_encoders = nn.ModuleList(StyleEncoder(width) for _ in range(count))
        self.image_decoders = nn.ModuleList(ImageDecoder(width) for _ in range(count))

    def forward_subset(
        self, volumes: Tensor, subset: Sequence[int], shortcut: bool = False, trusted: Tensor | None = None
    ) -> NetworkOutput:
        """As RFNet; without ``shortcut`` also styles and reconstructions, of at least 16 voxels per axis."""
        if shortcut:
            return super().forward_subset(volumes, subset, shortcut=True)
        encoded, available = self.encode(volumes, subset)
        output, fused = self.fuse(encoded, subset, available)
        output.disentangled = self._disentangle(volumes, subset, encoded, fused)
        return output

    def _disentangle(
        self, volumes: Tensor, subset: Sequence[int], encoded: Sequence[Sequence[Tensor]], fused: Tensor
    ) -> Disentangled:
        styles, errors, divergences = [], [], []
        for i, m in enumerate(subset):
            volume = volumes[:, i : i + 1]
            style = self.style_encoders[m](volume)
            made, divergence = self.image_decoders[m](fused, style)
            styles.append(style)
            errors.append((made.float() - volume).square().mean((1, 2, 3, 4)))
            divergences.append(divergence)
        return Disentangled(
            contents=torch.stack([features[-1] for features in encoded], dim=1),
            styles=torch.stack(styles, dim=1),
            reconstruction_error=torch.stack(errors, dim=1),
            style_divergence=torch.stack(divergences, dim=1),
        )
