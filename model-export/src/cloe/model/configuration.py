"""What a network is built from and what it yields; the same for all architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from cloe.model.encoder import SIZE_MULTIPLE

Architecture = Literal["cloe", "rfnet", "hemis", "dcseg", "m3ae"]
Fusion = Literal["gate", "scores", "mean"]


@dataclass(frozen=True)
class NetworkConfiguration:
    """Sizes and switches of the network.

    Parameters
    ----------
    modalities, classes
        Counts; classes include the background.
    base_width
        Channels at full size.
    fusion
        ``gate``: learned gate; ``scores``: softmax of the two stretched scores without a learned gate;
        ``mean``: plain mean over the available modalities. The last two are ablations.
    use_global, use_regional
        Whether the global and the regional consistency enter the gate and the loss (ablations).
    detach_region
        Whether the region map is cut off from the regional loss; otherwise that loss is lowered by
        making the region small where experts disagree, the opposite of its purpose.
    modality_bias
        Whether each modality has a learned logit of its own beside the gate's. Our extension, not the method's: by
        the gate alone two modalities weigh 1/2 each, whatever they are; with it they may differ.
    architecture
        ``cloe``, or a peer that is trained and exported in the same way: ``rfnet``, ``hemis``, ``dcseg``, ``m3ae``.
        The switches above mean nothing to a peer.
    """

    modalities: int = 4
    classes: int = 4
    base_width: int = 8
    fusion: Fusion = "gate"
    use_global: bool = True
    use_regional: bool = True
    detach_region: bool = True
    modality_bias: bool = False
    architecture: Architecture = "cloe"

    @property
    def has_gate(self) -> bool:
        """Whether results carry weights of the modalities."""
        return self.architecture == "cloe"

    @property
    def only_encoders_differ(self) -> bool:
        """Whether nothing but its encoder tells one modality from another."""
        return self.architecture in ("cloe", "hemis") and not self.modality_bias


@dataclass
class Disentangled:
    """Anatomy and modality told apart (DC-Seg); B samples, K modalities.

    Attributes
    ----------
    contents
        ``[B, K, channels, z, y, x]``, coarsest features: what is seen.
    styles
        ``[B, K, size]``: how a modality shows it.
    reconstruction_error
        ``[B, K]``, mean squared difference of the volumes from those made of the fused content and each style.
    style_divergence
        ``[B, K]``, divergence from a normal distribution of what the styles do to the content.
    """

    contents: Tensor
    styles: Tensor
    reconstruction_error: Tensor
    style_divergence: Tensor


@dataclass
class NetworkOutput:
    """What one forward pass yields; B samples, K modalities, C classes.

    Attributes
    ----------
    probabilities
        Fused softmax ``[B, C, z, y, x]``.
    weights
        ``[B, K]``, sums to 1 over the available modalities, exactly 0 elsewhere; ``None`` for a model without a gate.
    consistency_global, consistency_regional
        ``[B, K]`` in [0, 1]; 0 where undefined (absent, or no partner).
    expert_probabilities
        Each expert's softmax ``[B, K, C, z, y, x]``; zero for absent ones. ``None`` if not computed.
    region_logits
        ``[B, 1, z, y, x]``; ``None`` if not computed.
    loss_global, loss_regional
        Mean disagreement per sample ``[B]``; 0 without a pair.
    scale_probabilities
        Class probabilities ``[B, C, z, y, x]`` that a peer predicts from single scales; ``None`` if not computed.
    disentangled
        What DC-Seg tells apart while it is trained.
    twin
        M3AE's answer to the same patches with fewer modalities, while it is trained.
    """

    probabilities: Tensor
    weights: Tensor | None = None
    consistency_global: Tensor | None = None
    consistency_regional: Tensor | None = None
    expert_probabilities: Tensor | None = None
    region_logits: Tensor | None = None
    loss_global: Tensor | None = None
    loss_regional: Tensor | None = None
    scale_probabilities: Sequence[Tensor] | None = None
    disentangled: Disentangled | None = None
    twin: NetworkOutput | None = None


def check_volumes(volumes: Tensor, channels: int) -> None:
    """Refuse shapes the network cannot take.

    Raises
    ------
    ValueError
        If the channel count differs or a spatial size is no multiple of 8.
    """
    if volumes.ndim != 5 or volumes.shape[1] != channels:
        raise ValueError(f"expected [B, {channels}, z, y, x], got {tuple(volumes.shape)}")
    if any(size % SIZE_MULTIPLE for size in volumes.shape[2:]):
        raise ValueError(f"spatial sizes must be multiples of {SIZE_MULTIPLE}, got {tuple(volumes.shape[2:])}")
