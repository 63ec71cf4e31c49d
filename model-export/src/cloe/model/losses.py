"""Terms of the training objectives (model notes 2.1, 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PROBABILITY_FLOOR = 0.005
DICE_FLOOR = 1e-7
QUALITY_TEMPERATURE = 0.4
"""Difference in Dice that makes one weight ``e`` times another: an expert that sees nothing of a tumour which others
see well (0.8) shall get a seventh of their weight, while clean ones (within 0.1) stay within 30 % of equal shares."""

SMALLEST_JUDGED = 100
"""Tumour voxels from which an expert's overlap with the truth says something about it."""


@dataclass(frozen=True)
class LossWeights:
    """Factors of the objective; the paper does not state them, these are the project's choice.

    Parameters
    ----------
    experts
        On the consistency-and-experts part (the paper's alpha).
    consistency
        On both consistency losses (eta), reached after the ramp.
    regional
        On the regional loss relative to the global one (lambda).
    region_supervision
        On the supervision of the region map with the true tumour outline.
    gate_quality
        On the gate's divergence from what the experts' own overlap with the truth would have weighed
        (:func:`gate_quality_loss`). An extension of this project, off by default: the fused prediction hardly
        depends on the weights once the features have learned to bear a spoilt modality, so that it teaches the gate
        little.
    balance
        How much less frequent classes than rare ones count in the cross entropy (:func:`weighted_cross_entropy`): 1 is
        what RFNet and its successors do, 0 counts every voxel alike. With a whole brain in a patch, of which a tumour
        is three hundredths, 1 asks for every voxel to be marked that is tumour with a chance of three hundredths.
    floor
        Probabilities count as at least this in the cross entropy. A voxel whose true class is less likely teaches
        nothing there: with RFNet's 0.005, what is marked wrongly with certainty stays so.
    """

    experts: float = 1.0
    consistency: float = 0.1
    regional: float = 1.0
    region_supervision: float = 0.5
    gate_quality: float = 0.0
    balance: float = 1.0
    floor: float = PROBABILITY_FLOOR


def weighted_cross_entropy(
    probabilities: Tensor, target: Tensor, balance: float = 1.0, floor: float = PROBABILITY_FLOOR
) -> Tensor:
    """Cross entropy in which frequent classes count less: class weight one minus its share of the voxels.

    Parameters
    ----------
    probabilities
        ``[B, C, z, y, x]``, sums to 1 over C.
    target
        One-hot, same shape.
    balance
        Exponent of the class weights, at least 0.
    floor
        Least probability, above 0.
    """
    weight = (1.0 - target.mean((2, 3, 4), keepdim=True)) ** balance
    log = torch.log(probabilities.clamp(floor, 1.0))
    return -(weight * target * log).sum(1).mean()


def dice_loss(probabilities: Tensor, target: Tensor) -> Tensor:
    """One minus the mean soft Dice over classes, background included; sums run over batch and voxels."""
    axes = (0, 2, 3, 4)
    overlap = 2.0 * (probabilities * target).sum(axes)
    return 1.0 - (overlap / (probabilities.sum(axes) + target.sum(axes) + DICE_FLOOR)).mean()


def segmentation_loss(probabilities: Tensor, target: Tensor, weights: LossWeights | None = None) -> Tensor:
    """Weighted cross entropy plus Dice."""
    weights = weights or LossWeights()
    entropy = weighted_cross_entropy(probabilities, target, weights.balance, weights.floor)
    return entropy + dice_loss(probabilities, target)


def region_loss(region_logits: Tensor, tumour: Tensor) -> Tensor:
    """Binary cross entropy plus Dice of the region map against the true outline, both ``[B, 1, z, y, x]``."""
    entropy = functional.binary_cross_entropy_with_logits(region_logits.float(), tumour)
    region = torch.sigmoid(region_logits.float())
    overlap = (2.0 * (region * tumour).sum() + 1.0) / (region.sum() + tumour.sum() + 1.0)
    return entropy + 1.0 - overlap


def expert_quality(experts: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """How well each expert outlines the whole tumour, softly and by itself.

    Parameters
    ----------
    experts
        ``[B, K, C, z, y, x]`` probabilities; nothing is learned through them.
    target
        One-hot truth ``[B, C, z, y, x]``, background first.

    Returns
    -------
    dice, judged
        ``[B, K]`` soft Dice, and ``[B]`` bool: whether there is tumour enough to say so.
    """
    tumour = 1.0 - target[:, None, 0]
    found = 1.0 - experts.detach()[:, :, 0].float()
    axes = (2, 3, 4)
    mass = tumour.sum(axes)
    dice = 2.0 * (found * tumour).sum(axes) / (found.sum(axes) + mass + DICE_FLOOR)
    return dice, mass[:, 0] >= SMALLEST_JUDGED


def quality_divergence(weights: Tensor, dice: Tensor, temperature: float = QUALITY_TEMPERATURE) -> Tensor:
    """Kullback-Leibler divergence ``[B]`` of weights from ``softmax(dice / temperature)`` over the present modalities.

    Both ``[B, K]``; a weight of exactly 0 is an absent modality. Fewer than three, whose weights are fixed, give 0.
    """
    present = weights.detach() > 0.0
    wanted = torch.softmax(torch.where(present, dice / temperature, -torch.inf), 1)
    ratio = torch.where(present, wanted / torch.where(present, weights, 1.0), 1.0)
    divergence = (wanted * torch.log(ratio.clamp(min=DICE_FLOOR))).sum(1)
    return divergence * (present.sum(1) >= 3)


def gate_quality_loss(weights: Tensor, experts: Tensor, target: Tensor) -> Tensor:
    """Divergence of the gate's weights from what the experts' own tumour outlines would have weighed.

    Only the gate learns from it: what the experts predict is taken as it is, and the scores that the gate looks at are
    detached. Patches with next to no tumour count 0.

    Parameters
    ----------
    weights
        ``[B, K]``, of the gate.
    experts, target
        See :func:`expert_quality`.

    Returns
    -------
    Tensor
        Scalar, at least 0: mean over the batch.
    """
    dice, judged = expert_quality(experts, target)
    return (quality_divergence(weights, dice) * judged).mean()


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Channel indices ``[B, z, y, x]`` to float ``[B, C, z, y, x]``."""
    return functional.one_hot(labels.long(), classes).movedim(-1, 1).float()


def expert_loss(experts: Tensor, target: Tensor, supervised: Tensor, weights: LossWeights) -> Tensor:
    """Sum over the supervised experts' segmentation losses.

    Parameters
    ----------
    experts
        ``[B, K, C, z, y, x]`` probabilities.
    target
        One-hot truth ``[B, C, z, y, x]``.
    supervised
        ``[B, K]`` bool: which experts are held to the truth.
    """
    total = target.new_zeros(())
    for m in range(supervised.shape[1]):
        rows = supervised[:, m]
        if bool(rows.any()):
            total = total + segmentation_loss(experts[rows, m], target[rows], weights)
    return total
