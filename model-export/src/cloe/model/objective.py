"""What each architecture learns from (model notes 2.1, 2.2)."""

from __future__ import annotations

from torch import Tensor

from cloe.model.configuration import NetworkConfiguration, NetworkOutput
from cloe.model.losses import LossWeights, expert_loss, gate_quality_loss, one_hot, region_loss, segmentation_loss
from cloe.model.peers.objectives import dcseg_objective, hemis_objective, m3ae_objective, rfnet_objective


def total_loss(
    output: NetworkOutput,
    labels: Tensor,
    supervised: Tensor,
    configuration: NetworkConfiguration,
    weights: LossWeights,
    ramp: float,
) -> tuple[Tensor, dict[str, float]]:
    """The objective of the configured architecture, and its parts.

    Parameters
    ----------
    output
        Result of a forward pass without the shortcut.
    labels
        ``[B, z, y, x]`` channel indices.
    supervised
        ``[B, K]`` bool: which experts are held to the labels; the available ones with an intact input.
    ramp
        Factor in [0, 1] on the consistency losses: they start at 0, else experts agree before they know.

    Returns
    -------
    loss, parts
        A scalar and the values that make it up, for the log; ``total`` is the loss itself.

    Raises
    ------
    ValueError
        If the pass took the shortcut and the architecture learns from what that leaves out.
    """
    target = one_hot(labels, output.probabilities.shape[1])
    match configuration.architecture:
        case "hemis":
            loss, parts = hemis_objective(output, target)
        case "m3ae":
            loss, parts = m3ae_objective(output, target)
        case "rfnet":
            loss, parts = rfnet_objective(output, target, supervised, weights, ramp)
        case "dcseg":
            loss, parts = dcseg_objective(output, target, supervised, weights, ramp)
        case _:
            loss, parts = _cloe_objective(output, target, supervised, configuration, weights, ramp)
    return loss, {name: float(value.detach()) for name, value in {"total": loss, **parts}.items()}


def _cloe_objective(
    output: NetworkOutput,
    target: Tensor,
    supervised: Tensor,
    configuration: NetworkConfiguration,
    weights: LossWeights,
    ramp: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    if output.expert_probabilities is None:
        raise ValueError("training needs the experts: run without the shortcut")
    fused = segmentation_loss(output.probabilities, target, weights)
    experts = expert_loss(output.expert_probabilities, target, supervised, weights)
    agreement = fused.new_zeros(())
    if configuration.use_global:
        agreement = agreement + output.loss_global.mean()
    if configuration.use_regional:
        agreement = agreement + weights.regional * output.loss_regional.mean()
    region = region_loss(output.region_logits, 1.0 - target[:, :1])
    quality = fused.new_zeros(())
    if weights.gate_quality > 0.0 and configuration.fusion == "gate":
        quality = gate_quality_loss(output.weights, output.expert_probabilities, target)
    loss = (
        fused
        + weights.experts * (experts + weights.consistency * ramp * agreement)
        + weights.region_supervision * region
        + weights.gate_quality * ramp * quality
    )
    parts = {
        "fused": fused,
        "experts": experts / max(1, int(supervised.any(0).sum())),
        "global": output.loss_global.mean(),
        "regional": output.loss_regional.mean(),
        "region": region,
    }
    if weights.gate_quality > 0.0:
        parts["quality"] = quality
    return loss, parts
