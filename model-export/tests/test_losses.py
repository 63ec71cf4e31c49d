from __future__ import annotations

import pytest
import torch

from cloe.model.losses import (
    QUALITY_TEMPERATURE,
    LossWeights,
    dice_loss,
    gate_quality_loss,
    one_hot,
    region_loss,
    weighted_cross_entropy,
)
from cloe.model.network import ConsistencyGatedNetwork, NetworkConfiguration
from cloe.model.objective import total_loss
from cloe.specification import subsets
from conftest import make_network, make_volumes


def make_labels(batch: int = 1, size: int = 16) -> torch.Tensor:
    labels = torch.zeros(batch, size, size, size, dtype=torch.uint8)
    labels[:, 4:12, 4:12, 4:12] = 2
    labels[:, 6:10, 6:10, 6:10] = 3
    labels[:, 7:9, 7:9, 7:9] = 1
    return labels


def loss_of(network, subset, ramp: float = 1.0, weights: LossWeights | None = None, trusted=None):
    output = network.forward_subset(make_volumes()[:, list(subset)], subset, trusted=trusted)
    supervised = torch.ones(1, len(subset), dtype=torch.bool) if trusted is None else trusted
    return total_loss(output, make_labels(), supervised, network.configuration, weights or LossWeights(), ramp)


def test_should_be_zero_when_the_prediction_is_perfect():
    target = one_hot(make_labels(), 4)
    assert dice_loss(target, target).item() == pytest.approx(0.0, abs=1e-6)
    assert weighted_cross_entropy(target, target).item() == pytest.approx(0.0, abs=1e-6)


def test_should_follow_the_formula_when_cross_entropy_weighs_classes_by_rarity():
    labels = torch.tensor([[[[0, 0, 0, 1]]]])
    probabilities = torch.tensor([0.8, 0.6, 0.5, 0.4]).reshape(1, 1, 1, 1, 4)
    probabilities = torch.cat((probabilities, 1.0 - probabilities), dim=1)
    expected = -(0.25 * torch.log(torch.tensor([0.8, 0.6, 0.5])).sum() + 0.75 * torch.log(torch.tensor(0.6))) / 4
    found = weighted_cross_entropy(probabilities, one_hot(labels, 2))
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)


def test_should_count_every_voxel_alike_when_cross_entropy_is_not_balanced():
    torch.manual_seed(0)
    target = one_hot(make_labels(size=12), 4)
    probabilities = torch.softmax(torch.randn_like(target), 1)
    plain = torch.nn.functional.nll_loss(probabilities.log(), target.argmax(1))
    assert weighted_cross_entropy(probabilities, target, 0.0, 1e-6).item() == pytest.approx(plain.item(), abs=1e-6)


@pytest.mark.parametrize(("floor", "teaches"), [(0.005, False), (1e-6, True)])
def test_should_learn_from_what_is_wrong_with_certainty_only_when_the_floor_is_low(floor, teaches):
    logits = torch.tensor([8.0, 0.0]).reshape(1, 2, 1, 1, 1).requires_grad_()
    target = one_hot(torch.ones(1, 1, 1, 1), 2)
    loss = weighted_cross_entropy(torch.softmax(logits, 1), target, 0.0, floor)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert bool((gradient.abs() > 0.9).all()) == teaches


def test_should_balance_experts_and_fused_prediction_alike_when_a_balance_is_given():
    network = make_network()
    subset = (0, 1, 2)
    losses = {balance: loss_of(network, subset, weights=LossWeights(balance=balance))[1] for balance in (0.0, 1.0)}
    # Before training every class is about as likely: the background, most of the voxels, then makes most of the loss.
    assert losses[0.0]["fused"] > losses[1.0]["fused"] + 0.1
    assert losses[0.0]["experts"] > losses[1.0]["experts"] + 0.1
    assert losses[0.0]["region"] == losses[1.0]["region"]


def test_should_follow_the_formula_when_dice_includes_the_background():
    target = one_hot(torch.tensor([[[[0, 1]]]]), 2)
    uniform = torch.full_like(target, 0.5)
    assert dice_loss(uniform, target).item() == pytest.approx(0.5, abs=1e-5)


def test_should_lower_the_region_loss_when_the_map_finds_the_tumour():
    tumour = (make_labels() > 0).float().unsqueeze(1)
    good, bad = region_loss(8.0 * tumour - 4.0, tumour), region_loss(4.0 - 8.0 * tumour, tumour)
    assert good < 0.1 < bad


@pytest.mark.parametrize("subset", list(subsets(4)), ids=str)
def test_should_be_finite_when_any_subset_is_there(subset):
    loss, parts = loss_of(make_network(), subset)
    assert torch.isfinite(loss)
    if len(subset) == 1:
        assert parts["global"] == 0.0
        assert parts["regional"] == 0.0


def test_should_add_up_when_the_parts_are_weighted():
    weights = LossWeights(experts=0.7, consistency=0.3, regional=0.5, region_supervision=0.2)
    network = make_network()
    loss, parts = loss_of(network, (0, 1, 2), ramp=0.5, weights=weights)
    agreement = parts["global"] + 0.5 * parts["regional"]
    expected = parts["fused"] + 0.7 * (3 * parts["experts"] + 0.3 * 0.5 * agreement) + 0.2 * parts["region"]
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("switch", "part"), [("use_global", "global"), ("use_regional", "regional")])
def test_should_leave_a_consistency_loss_out_when_it_is_switched_off(switch, part):
    weights = LossWeights(consistency=1.0)
    complete, parts = loss_of(make_network(fusion="mean"), (0, 1, 2), weights=weights)
    without, _ = loss_of(make_network(fusion="mean", **{switch: False}), (0, 1, 2), weights=weights)
    assert (complete - without).item() == pytest.approx(parts[part], abs=1e-5)


def test_should_ignore_an_expert_in_the_losses_when_it_is_not_trusted():
    trusted = torch.tensor([[True, False, True]])
    network = make_network()
    _, all_parts = loss_of(network, (0, 1, 2))
    loss, parts = loss_of(network, (0, 1, 2), trusted=trusted)
    _, pair = loss_of(network, (0, 2))
    assert parts["global"] == pytest.approx(pair["global"], abs=1e-5)
    assert parts["global"] != pytest.approx(all_parts["global"], abs=1e-5)
    assert parts["fused"] == pytest.approx(all_parts["fused"], abs=1e-5)
    assert torch.isfinite(loss)


def gradients(loss: torch.Tensor, network) -> dict[str, float]:
    named = dict(network.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {n: 0.0 if g is None else float(g.abs().sum()) for n, g in zip(named, found, strict=True)}


def total_of(found: dict[str, float], prefix: str) -> float:
    return sum(value for name, value in found.items() if name.startswith(prefix))


def test_should_reach_every_part_when_the_whole_objective_is_minimised():
    network = make_network().train()
    found = gradients(loss_of(network, (0, 1, 2, 3))[0], network)
    for part in ("encoders.0", "encoders.1", "encoders.2", "encoders.3", "expert_decoder", "fusion_decoder"):
        assert total_of(found, part) > 0.0, part
    for part in ("region_head.first", "region_head.second", "gate.first", "gate.second"):
        assert total_of(found, part) > 0.0, part


def test_should_not_touch_absent_encoders_when_modalities_are_missing():
    network = make_network().train()
    found = gradients(loss_of(network, (0, 2, 3))[0], network)
    assert total_of(found, "encoders.1") == 0.0
    assert total_of(found, "encoders.2") > 0.0


def test_should_reach_only_the_last_layer_of_the_gate_when_training_starts():
    torch.manual_seed(0)
    network = ConsistencyGatedNetwork(NetworkConfiguration(base_width=2))
    found = gradients(loss_of(network, (0, 1, 2))[0], network)
    assert found["gate.second.weight"] > 0.0
    assert total_of(found, "gate.first") == 0.0


@pytest.mark.parametrize(("detached", "reached"), [(True, False), (False, True)])
def test_should_reach_the_region_head_from_the_regional_loss_only_when_it_is_not_detached(detached, reached):
    network = make_network(detach_region=detached).train()
    output = network.forward_subset(make_volumes()[:, :3], (0, 1, 2))
    found = gradients(output.loss_regional.sum(), network)
    assert (total_of(found, "region_head") > 0.0) is reached
    assert total_of(found, "expert_decoder") > 0.0


def test_should_not_reach_the_experts_from_the_fused_prediction_when_scores_are_detached():
    network = make_network().train()
    output = network.forward_subset(make_volumes()[:, :3], (0, 1, 2))
    found = gradients(output.probabilities[:, 1].sum(), network)
    assert total_of(found, "expert_decoder") == 0.0
    assert total_of(found, "region_head") == 0.0
    assert total_of(found, "gate.second") > 0.0


def test_should_refuse_when_the_experts_were_skipped():
    network = make_network()
    output = network.forward_subset(make_volumes()[:, :1], (0,), shortcut=True)
    with pytest.raises(ValueError, match="experts"):
        total_loss(output, make_labels(), torch.ones(1, 1, dtype=torch.bool), network.configuration, LossWeights(), 1.0)


def quality_case(found: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Experts that find the given shares of a tumour of 512 voxels, and the truth."""
    target = one_hot(make_labels(), 4)
    tumour = 1.0 - target[:, 0]
    experts = [torch.stack((1.0 - share * tumour, share * tumour), 1) for share in found]
    padded = [torch.cat((expert, torch.zeros_like(expert)), 1) for expert in experts]
    return torch.stack(padded, 1), target


def test_should_draw_the_weights_from_an_expert_when_it_misses_the_tumour():
    experts, target = quality_case([1.0, 1.0, 0.1])
    logits = torch.zeros(1, 3, requires_grad=True)
    gate_quality_loss(torch.softmax(logits, 1), experts, target).backward()
    assert logits.grad[0, 2] > 0.0 > logits.grad[0, 0]


def test_should_be_zero_when_the_weights_are_those_of_the_experts_own_dice():
    experts, target = quality_case([1.0, 0.6, 0.2])
    dice = torch.tensor([[2.0 * share / (share + 1.0) for share in (1.0, 0.6, 0.2)]])
    weights = torch.softmax(dice / QUALITY_TEMPERATURE, 1)
    assert gate_quality_loss(weights, experts, target).item() == pytest.approx(0.0, abs=1e-5)
    assert gate_quality_loss(torch.full((1, 3), 1.0 / 3.0), experts, target).item() > 0.05


def test_should_not_look_at_absent_experts_when_all_are_computed():
    experts, target = quality_case([1.0, 0.5, 0.3, 0.7])
    three = torch.tensor([[0.4, 0.3, 0.3]])
    four = torch.tensor([[0.4, 0.3, 0.3, 0.0]], requires_grad=True)
    loss = gate_quality_loss(four, experts, target)
    assert loss.item() == pytest.approx(gate_quality_loss(three, experts[:, :3], target).item(), abs=1e-6)
    loss.backward()
    assert torch.isfinite(four.grad).all()


@pytest.mark.parametrize("found", [[1.0], [1.0, 0.1]])
def test_should_teach_nothing_when_the_weights_are_fixed(found):
    experts, target = quality_case(found)
    assert gate_quality_loss(torch.full((1, len(found)), 1.0 / len(found)), experts, target).item() == 0.0


def test_should_teach_nothing_when_there_is_no_tumour():
    experts, target = quality_case([1.0, 0.5, 0.1])
    empty = torch.zeros_like(target)
    empty[:, 0] = 1.0
    assert gate_quality_loss(torch.tensor([[0.2, 0.3, 0.5]]), experts, empty).item() == 0.0


def test_should_teach_only_the_gate_when_its_quality_is_supervised():
    network = make_network()
    subset = (0, 1, 2)
    plain, _ = loss_of(network, subset)
    taught, parts = loss_of(network, subset, weights=LossWeights(gate_quality=1.0))
    assert parts["quality"] > 0.0
    others = [value for name, value in network.named_parameters() if not name.startswith("gate.")]
    before = torch.autograd.grad(plain, others, allow_unused=True)
    after = torch.autograd.grad(taught, others, allow_unused=True)
    for first, second in zip(before, after, strict=True):
        torch.testing.assert_close(first, second)
