"""The same functions in operators that ONNX Runtime computes faster; each equals the network's own up to rounding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cloe.model.decoder import DecoderLevel
from cloe.model.network import ConsistencyGatedNetwork


class SoftmaxByExponentials(nn.Module):
    """Softmax over the classes from elementwise operators.

    ONNX Runtime's CPU operator transposes the tensor unless the axis is the last one: 4 to 6 times as long.
    """

    def forward(self, logits: Tensor) -> Tensor:
        """Map ``[B, C, z, y, x]`` to probabilities of the same shape."""
        logits = logits.float()
        raised = torch.exp(logits - logits.amax(1, keepdim=True))
        return raised / raised.sum(1, keepdim=True)


class DoubleSizeByProducts(nn.Module):
    """Trilinear enlargement by two as one matrix product per axis.

    ONNX Runtime interpolates voxel by voxel, takes twice as long on the CPU, and has no kernel for half precision.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map ``[B, C, z, y, x]`` to ``[B, C, 2z, 2y, 2x]``, corners aligned."""
        batch, channels, depth, height, width = features.shape
        along_z, along_y, along_x = (doubling(size).to(features) for size in (depth, height, width))
        planes = torch.matmul(along_z, features.reshape(batch * channels, depth, height * width))
        rows = torch.matmul(along_y, planes.reshape(batch * channels * 2 * depth, height, width))
        return torch.matmul(rows, along_x.T.contiguous()).reshape(batch, channels, 2 * depth, 2 * height, 2 * width)


class WeightedSumByProduct(nn.Module):
    """Mean of the modalities' features as one matrix product: no weighted copy of them is written."""

    def forward(self, level: Tensor, weights: Tensor) -> Tensor:
        """Sum of ``[B, K, channels, z, y, x]`` over K with weights ``[B, K]``."""
        mixed = torch.matmul(weights.to(level.dtype).unsqueeze(1), level.flatten(2))
        return mixed.reshape(level.shape[0], *level.shape[2:])


def doubling(size: int) -> Tensor:
    """Matrix ``[2 size, size]`` of linear interpolation with aligned corners."""
    places = torch.arange(2 * size, dtype=torch.float64) * ((size - 1) / (2 * size - 1))
    nodes = torch.arange(size, dtype=torch.float64)
    return (1.0 - (places[:, None] - nodes[None, :]).abs()).clamp_min(0.0).float()


def use_fast_operators(network: ConsistencyGatedNetwork) -> None:
    """Replace, in place, what ONNX Runtime is slow at."""
    network.softmax = SoftmaxByExponentials()
    network.mix = WeightedSumByProduct()
    for module in network.modules():
        if isinstance(module, DecoderLevel):
            module.enlarge = DoubleSizeByProducts()
