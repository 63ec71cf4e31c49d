"""What the peers learn from (model notes 2.2): each returns a scalar loss and its named parts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cloe.model.configuration import Disentangled, NetworkOutput
from cloe.model.losses import DICE_FLOOR, LossWeights, expert_loss, segmentation_loss

M3AE_OVERLAP = 0.7
"""Share of Dice in M3AE's loss, the rest is binary cross entropy."""

M3AE_DISTILLATION = 0.1
"""Factor on the squared difference between two copies of a patch that lack different modalities."""

M3AE_SMOOTHING = 1.0
"""Added to both parts of the Dice ratio: nothing found where nothing is counts as right."""

M3AE_FLOOR = 1e-6
"""Least distance of a probability from 0 and 1 in the cross entropy."""

CONTRAST_TEMPERATURE = 0.07
DCSEG_CONTRAST = 0.4
"""Factor on DC-Seg's reconstruction and both of its contrasts."""

DCSEG_STYLE = 0.1
"""Factor on the divergence of DC-Seg's styles from a normal distribution."""

Objective = tuple[Tensor, dict[str, Tensor]]


def hemis_objective(output: NetworkOutput, target: Tensor) -> Objective:
    """U-HeMIS: the graded Dice loss alone. ``target`` is one-hot ``[B, C, z, y, x]``, here and below."""
    return graded_dice_loss(output.probabilities, target), {}


def graded_dice_loss(probabilities: Tensor, target: Tensor) -> Tensor:
    """Dice loss of U-HeMIS: class ``c`` of ``C`` counts ``c`` parts of ``1 + 2 + ... + C``, the background fewest."""
    axes = (0, 2, 3, 4)
    overlap = 2.0 * (probabilities * target).sum(axes)
    scores = overlap / (probabilities.sum(axes) + target.sum(axes) + DICE_FLOOR)
    parts = torch.arange(1, len(scores) + 1, dtype=scores.dtype, device=scores.device)
    return 1.0 - (scores * parts).sum() / parts.sum()


def rfnet_objective(
    output: NetworkOutput, target: Tensor, supervised: Tensor, weights: LossWeights, ramp: float
) -> Objective:
    """RFNet: experts and the class maps of every scale learn from the start, the fusion joins in after the ramp.

    Raises
    ------
    ValueError
        If the pass took the shortcut.
    """
    if output.expert_probabilities is None or output.scale_probabilities is None:
        raise ValueError("training needs the experts: run without the shortcut")
    fused = segmentation_loss(output.probabilities, target, weights)
    experts = expert_loss(output.expert_probabilities, target, supervised, weights)
    maps = sum(
        (segmentation_loss(found, target, weights) for found in output.scale_probabilities), target.new_zeros(())
    )
    loss = (fused if ramp >= 1.0 else 0.0 * fused) + experts + maps
    return loss, {"fused": fused, "experts": experts, "maps": maps}


def dcseg_objective(
    output: NetworkOutput, target: Tensor, supervised: Tensor, weights: LossWeights, ramp: float
) -> Objective:
    """DC-Seg: RFNet's objective, and what tells anatomy and modality apart; spoilt modalities are left out of that."""
    loss, parts = rfnet_objective(output, target, supervised, weights, ramp)
    found = output.disentangled
    intact = supervised.float()
    reconstruction = (found.reconstruction_error * intact).sum() / intact.sum().clamp(min=1.0)
    content, style = content_contrast(found, supervised), style_contrast(found, supervised)
    divergence = (found.style_divergence * intact).sum(1).mean()
    loss = loss + DCSEG_CONTRAST * (reconstruction + content + style) + DCSEG_STYLE * divergence
    parts |= {"reconstruction": reconstruction, "content": content, "style": style, "divergence": divergence}
    return loss, parts


def content_contrast(found: Disentangled, supervised: Tensor) -> Tensor:
    """Contents of one patch shall be alike whatever the modality, those of other patches not."""
    batch, count = supervised.shape
    patch = torch.arange(batch, device=supervised.device).repeat_interleave(count)
    return _contrast(found.contents.flatten(2).flatten(0, 1), patch, supervised.flatten())


def style_contrast(found: Disentangled, supervised: Tensor) -> Tensor:
    """Styles of one modality shall be alike whatever the patch, those of other modalities not."""
    batch, count = supervised.shape
    modality = torch.arange(count, device=supervised.device).repeat(batch)
    return _contrast(found.styles.flatten(0, 1), modality, supervised.flatten())


def _contrast(vectors: Tensor, group: Tensor, used: Tensor) -> Tensor:
    """Cross entropy of whether two of ``[n, size]`` vectors are of one group, by their cosine; 0 if none is used."""
    if not bool(used.any()):
        return vectors.new_zeros(())
    chosen = functional.normalize(vectors[used].float(), dim=1)
    same = (group[used, None] == group[None, used]).float()
    return functional.binary_cross_entropy_with_logits(chosen @ chosen.T / CONTRAST_TEMPERATURE, same)


def m3ae_objective(output: NetworkOutput, target: Tensor) -> Objective:
    """M3AE: Dice and cross entropy at three scales for both copies of a patch, which shall also answer alike."""
    fused = _deeply_supervised(output, target)
    if output.twin is None:
        return fused, {"fused": fused}
    twin = _deeply_supervised(output.twin, target)
    distillation = (output.probabilities - output.twin.probabilities).square().mean()
    loss = (fused + twin) / 2.0 + M3AE_DISTILLATION * distillation
    return loss, {"fused": fused, "twin": twin, "distillation": distillation}


def _deeply_supervised(output: NetworkOutput, target: Tensor) -> Tensor:
    if output.scale_probabilities is None:
        raise ValueError("training needs every scale: run without the shortcut")
    scales = (output.probabilities, *output.scale_probabilities)
    return sum((blended_loss(found, target) for found in scales), target.new_zeros(())) / len(scales)


def blended_loss(probabilities: Tensor, target: Tensor) -> Tensor:
    """Dice with squared denominator and binary cross entropy, for each class but the background by itself."""
    found, wanted = probabilities[:, 1:], target[:, 1:]
    axes = (0, 2, 3, 4)
    mass = found.square().sum(axes) + wanted.square().sum(axes)
    overlap = (2.0 * (found * wanted).sum(axes) + M3AE_SMOOTHING) / (mass + M3AE_SMOOTHING)
    entropy = functional.binary_cross_entropy(found.clamp(M3AE_FLOOR, 1.0 - M3AE_FLOOR), wanted)
    return M3AE_OVERLAP * (1.0 - overlap.mean()) + (1.0 - M3AE_OVERLAP) * entropy
