"""Instance normalisation whose statistics stay exact in every runtime."""

from __future__ import annotations

from torch import Tensor, nn


class RowwiseInstanceNormalisation(nn.Module):
    """Instance normalisation without parameters, its mean and variance summed axis by axis.

    The fused operator of ONNX Runtime's CPU provider adds up a whole channel in float32. Over 64x64x64 voxels each
    layer is then off by some 4e-6 of a standard deviation, and 21 layers make 1.3e-4 of a probability. Means of rows,
    of columns of these, and so on keep the partial sums small: 5e-6 against float64, for about the same time.

    Parameters
    ----------
    epsilon
        Added to the variance.
    """

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, features: Tensor) -> Tensor:
        """Normalise each channel of ``[B, C, z, y, x]``."""
        centred = features - _channel_mean(features)
        # A product, not a power: ONNX Runtime computes Pow on one thread.
        variance = _channel_mean(centred * centred)
        return centred * (variance + self.epsilon).rsqrt()


def _channel_mean(features: Tensor) -> Tensor:
    mean = features
    for axis in (-1, -2, -3):
        mean = mean.mean(axis, keepdim=True)
    return mean


def sum_row_by_row(network: nn.Module) -> None:
    """Replace, in place, every instance normalisation of the network; the results stay the same up to rounding."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm3d):
                setattr(module, name, RowwiseInstanceNormalisation(child.eps))
