"""Building blocks shared by the encoders and the decoders (model notes 1.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5
"""Added to every variance that is divided by."""

NEGATIVE_SLOPE = 0.2
"""Slope of every LeakyReLU for negative input."""


class ConvolutionUnit(nn.Module):
    """3D convolution, instance normalisation without parameters, LeakyReLU.

    Padding is zero padding: it needs no separate padding operator in the exported graph.

    Parameters
    ----------
    channels_in, channels_out
        Channel counts.
    kernel
        Edge of the cubic kernel, 1 or 3; padding keeps the size at stride 1.
    stride
        1 keeps the spatial size, 2 halves it.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(channels_in, channels_out, kernel, stride, padding=kernel // 2)
        nn.init.kaiming_normal_(self.convolution.weight)
        self.normalisation = nn.InstanceNorm3d(channels_out, EPSILON)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[B, channels_in, z, y, x]`` to ``[B, channels_out, z', y', x']``."""
        convolved = self.convolution(features)
        if convolved.requires_grad and convolved.is_contiguous(memory_format=torch.channels_last_3d):
            normalised = _normalise_with_channels_last(convolved)
        else:
            normalised = self.normalisation(convolved)
        return functional.leaky_relu(normalised, NEGATIVE_SLOPE)


def _normalise_with_channels_last(features: Tensor) -> Tensor:
    """Instance normalisation that keeps the layout, for training.

    PyTorch's own puts channels first, so that values and their gradients have different layouts from there on. That is
    slow, and for one sample PyTorch 2.13 computes a wrong gradient on the CPU if it comes with channels last. Over a
    single sample, batch normalisation is the same and knows the layout.
    """
    samples = [functional.batch_norm(sample, None, None, training=True, eps=EPSILON) for sample in features.split(1)]
    return samples[0] if len(samples) == 1 else torch.cat(samples)


def double_size(features: Tensor) -> Tensor:
    """Trilinear enlargement by two per axis, corners aligned: ``[B, C, z, y, x]`` to ``[B, C, 2z, 2y, 2x]``."""
    return functional.interpolate(features, scale_factor=2.0, mode="trilinear", align_corners=True)


def enlarge(features: Tensor, times: int) -> Tensor:
    """Enlarge by two so many times."""
    for _ in range(times):
        features = double_size(features)
    return features


class DoubleSize(nn.Module):
    """:func:`double_size` as a module, so that the export can put another form of it in its place."""

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[B, C, z, y, x]`` to ``[B, C, 2z, 2y, 2x]``."""
        return double_size(features)


class ClassSoftmax(nn.Module):
    """Softmax over the classes in float32, replaceable like :class:`DoubleSize`."""

    def forward(self, logits: Tensor) -> Tensor:
        """Map ``[B, C, z, y, x]`` to probabilities of the same shape."""
        return torch.softmax(logits.float(), dim=1)


def drop_cancelled_biases(network: nn.Module) -> None:
    """Remove, in place, the convolution biases that the following normalisation subtracts anyway.

    Instance normalisation removes the channel mean, hence also any constant added per channel. The
    result is unchanged up to rounding and one pass over every activation is saved.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, ConvolutionUnit):
                module.convolution.bias = None
