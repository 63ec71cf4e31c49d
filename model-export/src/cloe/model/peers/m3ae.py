"""M3AE: one network for every subset; missing modalities are replaced by learned images (model notes 1.6, 2.2).

After Liu et al., "M3AE: multimodal representation learning for brain tumor segmentation with missing modalities", AAAI
2023. Two of its ideas are here, the learned substitutes and the distillation between two copies of a patch that lack
different modalities; its pre-training as a masked autoencoder is not. Substitutes lie on a coarse grid that is
stretched over whatever is segmented, where M3AE learns them at the size of a whole scan: windows here have any voxel
size. Classes exclude each other, as everywhere in this project, instead of one sigmoid per nested region. Neither
figures nor weights can be exchanged with the published code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cloe.model.blocks import ClassSoftmax, enlarge
from cloe.model.configuration import NetworkConfiguration, NetworkOutput, check_volumes
from cloe.model.encoder import LEVELS

GROUPS = 8
BLOCKS = (1, 2, 2, 4)
"""Residual blocks of the encoder, by scale, finest first."""

SIDES = (1, 2)
"""Scales that predict by themselves while training."""

SUBSTITUTE_SIZE = 16
"""Edge of the grid of a substitute."""


class GroupNormalisation(nn.Module):
    """Normalisation over groups of channels, then a learned factor and offset per channel.

    As PyTorch's, but made of an instance normalisation: the export knows how to keep that one's sums exact.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.groups = math.gcd(GROUPS, channels)
        self.normalisation = nn.InstanceNorm3d(self.groups)
        self.factor = nn.Parameter(torch.ones(channels))
        self.offset = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise ``[B, channels, z, y, x]``."""
        batch, channels, depth, height, width = features.shape
        grouped = features.reshape(batch, self.groups, channels // self.groups * depth, height, width)
        normalised = self.normalisation(grouped).reshape(features.shape)
        return normalised * self.factor[:, None, None, None] + self.offset[:, None, None, None]


class ResidualBlock(nn.Module):
    """Normalise, rectify and convolve, twice; the result is added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            GroupNormalisation(channels),
            nn.ReLU(),
            nn.Conv3d(channels, channels, 3, padding=1),
            GroupNormalisation(channels),
            nn.ReLU(),
            nn.Conv3d(channels, channels, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[B, channels, z, y, x]`` to the same shape."""
        return features + self.steps(features)


class SubstitutingNetwork(nn.Module):
    """One U-Net of residual blocks that sees all modalities at once.

    Parameters
    ----------
    configuration
        With ``architecture`` ``m3ae``.
    """

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        widths = [configuration.base_width * 2**level for level in range(LEVELS)]
        self.substitutes = nn.Parameter(torch.zeros(1, configuration.modalities, *(SUBSTITUTE_SIZE,) * 3))
        self.entries = nn.ModuleList(
            nn.Conv3d(configuration.modalities, width, 3, padding=1)
            if level == 0
            else nn.Conv3d(widths[level - 1], width, 3, stride=2, padding=1)
            for level, width in enumerate(widths)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width) for _ in range(count)))
            for width, count in zip(widths, BLOCKS, strict=True)
        )
        self.narrow = nn.ModuleList(nn.Conv3d(2 * width, width, 1) for width in widths[:-1])
        self.refine = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.head = nn.Conv3d(widths[0], configuration.classes, 1)
        self.sides = nn.ModuleList(nn.Conv3d(widths[level], configuration.classes, 1) for level in SIDES)
        self.softmax = ClassSoftmax()

    def forward(self, volumes: Tensor, available: Tensor) -> NetworkOutput:
        """Run with a mask ``[B, K]`` bool on ``[B, K, z, y, x]``; absent slots are never looked at."""
        check_volumes(volumes, self.configuration.modalities)
        filled = torch.where(available[:, :, None, None, None], volumes, self._substitutes(volumes.shape[2:]))
        return self._segment(filled, with_sides=False)

    def forward_subset(
        self, volumes: Tensor, subset: Sequence[int], shortcut: bool = False, trusted: Tensor | None = None
    ) -> NetworkOutput:
        """Run a fixed subset.

        Parameters
        ----------
        volumes
            ``[B, k, z, y, x]``, the subset's modalities in bundle order.
        subset
            Their indices.
        shortcut
            Without what only training needs: single scales, and a second answer to the same patches without some of
            several modalities, which are drawn from PyTorch's own random numbers.
        trusted
            Means nothing here.
        """
        check_volumes(volumes, len(subset))
        output = self._segment(self._filled(volumes, subset), with_sides=not shortcut)
        if not shortcut and len(subset) > 1:
            kept = _some_of(len(subset))
            fewer = self._filled(volumes[:, kept], [subset[i] for i in kept])
            output.twin = self._segment(fewer, with_sides=True)
        return output

    def _substitutes(self, shape: Sequence[int]) -> Tensor:
        """Stretched over ``shape``: ``[1, K, z, y, x]``."""
        return functional.interpolate(self.substitutes, tuple(shape), mode="trilinear", align_corners=True)

    def _filled(self, volumes: Tensor, subset: Sequence[int]) -> Tensor:
        if len(subset) == self.configuration.modalities:
            return volumes
        batch, _, *shape = volumes.shape
        substitutes = self._substitutes(shape).expand(batch, -1, -1, -1, -1)
        places = {m: i for i, m in enumerate(subset)}
        channels = [
            volumes[:, places[m] : places[m] + 1] if m in places else substitutes[:, m : m + 1]
            for m in range(self.configuration.modalities)
        ]
        return torch.cat(channels, dim=1)

    def _segment(self, volumes: Tensor, with_sides: bool) -> NetworkOutput:
        skips = []
        current = volumes
        for entry, blocks in zip(self.entries, self.blocks, strict=True):
            current = blocks(entry(current))
            skips.append(current)
        decoded = {}
        for level in range(LEVELS - 2, -1, -1):
            enlarged = functional.interpolate(self.narrow[level](current), scale_factor=2.0, mode="nearest")
            current = decoded[level] = self.refine[level](enlarged + skips[level])
        output = NetworkOutput(self.softmax(self.head(current)))
        if with_sides:
            output.scale_probabilities = [
                self.softmax(enlarge(side(decoded[level]), level))
                for side, level in zip(self.sides, SIDES, strict=True)
            ]
        return output


def _some_of(count: int) -> list[int]:
    """Some of so many, but not all: any such choice is equally likely."""
    bits = int(torch.randint(1, 2**count - 1, ()))
    return [i for i in range(count) if bits >> i & 1]
