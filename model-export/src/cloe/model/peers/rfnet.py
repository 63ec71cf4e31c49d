"""RFNet: region-aware fusion (Ding et al., ICCV 2021; model notes 1.6).

Per scale a probability map of the classes is predicted from all modalities; within each class region a small network
weighs the modalities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cloe.model.blocks import NEGATIVE_SLOPE, ConvolutionUnit, double_size, enlarge
from cloe.model.configuration import NetworkConfiguration, NetworkOutput, check_volumes
from cloe.model.decoder import Decoder
from cloe.model.encoder import LEVELS, Encoder

MAP_WIDTH = 16
HIDDEN = 128
MASS_FLOOR = 1e-7


class JoinedUnit(nn.Module):
    """A 1x1x1 :class:`~cloe.model.blocks.ConvolutionUnit` on all modalities side by side, absent ones being zero.

    The convolution is a sum over the modalities, so the absent ones need not exist: each has its own part of the
    weights, and a graph of a subset names only the parts that it uses.
    """

    def __init__(self, modalities: int, channels_in: int, channels_out: int) -> None:
        super().__init__()
        # No bias: the normalisation would cancel it.
        self.parts = nn.ModuleList(nn.Conv3d(channels_in, channels_out, 1, bias=False) for _ in range(modalities))
        for part in self.parts:
            # As kaiming_normal_ would for the one convolution that the parts make up.
            nn.init.normal_(part.weight, 0.0, math.sqrt(2.0 / (modalities * channels_in)))
        self.normalisation = nn.InstanceNorm3d(channels_out)

    def forward(self, features: Sequence[Tensor], subset: Sequence[int]) -> Tensor:
        """Join ``[B, channels_in, z, y, x]`` of each modality in the subset."""
        joined = sum(self.parts[m](feature) for feature, m in zip(features, subset, strict=True))
        return functional.leaky_relu(self.normalisation(joined), NEGATIVE_SLOPE)


class RegionMaps(nn.Module):
    """Class probabilities of one scale, from the modalities and, but for the coarsest scale, what is decoded so far."""

    def __init__(self, modalities: int, channels: int, classes: int, coarsest: bool) -> None:
        super().__init__()
        self.join = JoinedUnit(modalities, channels, channels // 4)
        self.mix = ConvolutionUnit(channels // 4, channels // 4)
        self.widen = ConvolutionUnit(channels // 4, channels, kernel=1)
        self.reduce = ConvolutionUnit(channels if coarsest else 2 * channels, MAP_WIDTH, kernel=1)
        self.head = nn.Conv3d(MAP_WIDTH, classes, 1)
        nn.init.kaiming_normal_(self.head.weight)

    def forward(self, decoded: Tensor | None, features: Sequence[Tensor], subset: Sequence[int]) -> Tensor:
        """Softmax ``[B, classes, z, y, x]``."""
        embedded = self.widen(self.mix(self.join(features, subset)))
        joined = embedded if decoded is None else torch.cat((decoded, embedded), dim=1)
        return torch.softmax(self.head(self.reduce(joined)).float(), dim=1)


class ModalityWeights(nn.Module):
    """Weights of the modalities within one class region, each in (0, 1), from their mean features there."""

    def __init__(self, modalities: int, channels: int) -> None:
        super().__init__()
        self.modalities = modalities
        self.first = nn.Linear(modalities * channels + 1, HIDDEN)
        self.second = nn.Linear(HIDDEN, modalities)

    def forward(self, features: Sequence[Tensor], region: Tensor, subset: Sequence[int]) -> Tensor:
        """Weighted sum of the modalities' features in the region ``[B, 1, z, y, x]``."""
        inside = [feature * region.to(feature.dtype) for feature in features]
        mass = region.float().mean((2, 3, 4)) + MASS_FLOOR
        absent = torch.zeros_like(features[0][:, :, 0, 0, 0], dtype=torch.float32)
        means = [absent] * self.modalities
        for feature, m in zip(inside, subset, strict=True):
            means[m] = feature.float().mean((2, 3, 4)) / mass
        hidden = functional.leaky_relu(self.first(torch.cat((*means, mass), dim=1)), NEGATIVE_SLOPE)
        weights = torch.sigmoid(self.second(hidden))
        return sum(
            feature * weights[:, m, None, None, None, None].to(feature.dtype)
            for feature, m in zip(inside, subset, strict=True)
        )


class RegionFusion(nn.Module):
    """Fused features of one scale: half of them by region, half by a shortcut past the regions."""

    def __init__(self, modalities: int, channels: int, classes: int) -> None:
        super().__init__()
        self.weights = nn.ModuleList(ModalityWeights(modalities, channels) for _ in range(classes))
        self.by_region = nn.Sequential(
            ConvolutionUnit(channels * classes, channels, kernel=1),
            ConvolutionUnit(channels, channels),
            ConvolutionUnit(channels, channels // 2, kernel=1),
        )
        self.join = JoinedUnit(modalities, channels, channels)
        self.shortcut = nn.Sequential(
            ConvolutionUnit(channels, channels), ConvolutionUnit(channels, channels // 2, kernel=1)
        )

    def forward(self, features: Sequence[Tensor], maps: Tensor, subset: Sequence[int]) -> Tensor:
        """Map features ``[B, C, z, y, x]`` of each modality and class maps to ``[B, C, z, y, x]``."""
        regions = [weigh(features, maps[:, c : c + 1], subset) for c, weigh in enumerate(self.weights)]
        fused = self.by_region(torch.cat(regions, dim=1))
        return torch.cat((fused, self.shortcut(self.join(features, subset))), dim=1)


@dataclass
class Decoded:
    """What the region decoder yields.

    Attributes
    ----------
    logits
        ``[B, classes, z, y, x]``.
    maps
        The class maps of every scale, finest first, each in its own size.
    coarsest
        Fused features of the coarsest scale.
    """

    logits: Tensor
    maps: list[Tensor]
    coarsest: Tensor


class RegionDecoder(nn.Module):
    """Decoder whose skip connections are fused by region.

    Parameters
    ----------
    modalities, base_width, classes
        As of the network.
    """

    def __init__(self, modalities: int, base_width: int, classes: int) -> None:
        super().__init__()
        widths = [base_width * 2**level for level in range(LEVELS)]
        self.decoder = Decoder(base_width, classes)
        self.maps = nn.ModuleList(
            RegionMaps(modalities, width, classes, level == LEVELS - 1) for level, width in enumerate(widths)
        )
        self.fusion = nn.ModuleList(RegionFusion(modalities, width, classes) for width in widths)

    def forward(self, levels: Sequence[Sequence[Tensor]], subset: Sequence[int]) -> Decoded:
        """Decode.

        Parameters
        ----------
        levels
            Per scale, finest first, the features ``[B, C, z, y, x]`` of each modality in the subset.
        subset
            Their indices.

        """
        top = LEVELS - 1
        maps: list[Tensor] = [self.maps[top](None, levels[top], subset)]
        # Detached: the maps learn from the truth alone, not from what the fusion would like them to be.
        coarsest = current = self.fusion[top](levels[top], maps[0].detach(), subset)
        for level in range(top - 1, -1, -1):
            step = self.decoder.levels[level]
            enlarged = step.reduce(double_size(current))
            maps.insert(0, self.maps[level](enlarged, levels[level], subset))
            fused = self.fusion[level](levels[level], maps[0].detach(), subset)
            current = step.mix(step.join(torch.cat((fused, enlarged), dim=1)))
        return Decoded(self.decoder.head(current), maps, coarsest)


class RegionFusionNetwork(nn.Module):
    """One encoder per modality, a shared decoder that supervises each of them in training, and the region decoder.

    Parameters
    ----------
    configuration
        With ``architecture`` ``rfnet``.
    """

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        width, classes = configuration.base_width, configuration.classes
        if width % 4:
            raise ValueError(f"the base width of RFNet is a multiple of 4, not {width}")
        self.encoders = nn.ModuleList(Encoder(width) for _ in range(configuration.modalities))
        self.expert_decoder = Decoder(width, classes)
        self.fusion_decoder = RegionDecoder(configuration.modalities, width, classes)

    def forward(self, volumes: Tensor, available: Tensor) -> NetworkOutput:
        """Run with a mask ``[B, K]`` bool on ``[B, K, z, y, x]``; absent slots are never looked at."""
        check_volumes(volumes, self.configuration.modalities)
        keep = available[:, :, None, None, None]
        volumes = torch.where(keep, volumes, torch.zeros_like(volumes))
        encoded = [
            [
                feature * available[:, m, None, None, None, None].to(feature.dtype)
                for feature in encoder(volumes[:, m : m + 1])
            ]
            for m, encoder in enumerate(self.encoders)
        ]
        return self.fuse(encoded, range(self.configuration.modalities), available)[0]

    def forward_subset(
        self, volumes: Tensor, subset: Sequence[int], shortcut: bool = False, trusted: Tensor | None = None
    ) -> NetworkOutput:
        """Run a fixed subset on ``[B, k, z, y, x]``; with ``shortcut`` without the training's own outputs."""
        encoded, available = self.encode(volumes, subset)
        return self.fuse(encoded, subset, None if shortcut else available)[0]

    def encode(self, volumes: Tensor, subset: Sequence[int]) -> tuple[list[list[Tensor]], Tensor]:
        """Features of each modality, finest first, and the mask ``[B, k]`` of the available ones, which is all."""
        check_volumes(volumes, len(subset))
        available = torch.ones(volumes.shape[0], len(subset), dtype=torch.bool, device=volumes.device)
        return [self.encoders[m](volumes[:, i : i + 1]) for i, m in enumerate(subset)], available

    def fuse(
        self, encoded: Sequence[Sequence[Tensor]], subset: Sequence[int], available: Tensor | None
    ) -> tuple[NetworkOutput, Tensor]:
        """The answer, with the training's own outputs if the mask is given, and the coarsest fused features."""
        levels = [[features[level] for features in encoded] for level in range(LEVELS)]
        decoded = self.fusion_decoder(levels, subset)
        output = NetworkOutput(torch.softmax(decoded.logits.float(), dim=1))
        if available is not None:
            experts = torch.stack([torch.softmax(self.expert_decoder(f).float(), dim=1) for f in encoded], dim=1)
            output.expert_probabilities = experts * available[:, :, None, None, None, None].float()
            output.scale_probabilities = [enlarge(found, level) for level, found in enumerate(decoded.maps)]
        return output, decoded.coarsest
