"""Invariants of the network (model notes, section 6)."""

from __future__ import annotations

import pytest
import torch

from cloe.model.blocks import ConvolutionUnit
from cloe.model.network import ConsistencyGatedNetwork, NetworkConfiguration
from cloe.specification import subsets
from conftest import make_network, make_volumes

ALL_SUBSETS = list(subsets(4))


def mask_of(subset, batch: int = 1, modalities: int = 4) -> torch.Tensor:
    available = torch.zeros(batch, modalities, dtype=torch.bool)
    available[:, list(subset)] = True
    return available


@torch.inference_mode()
@pytest.mark.parametrize("subset", ALL_SUBSETS, ids=str)
def test_should_give_weights_that_sum_to_one_and_are_exactly_zero_elsewhere_when_modalities_are_missing(subset):
    output = make_network()(make_volumes(), mask_of(subset))
    absent = [m for m in range(4) if m not in subset]
    assert output.weights.sum().item() == pytest.approx(1.0, abs=1e-6)
    assert (output.weights[0, list(subset)] > 0).all()
    assert (output.weights[0, absent] == 0.0).all()


@torch.inference_mode()
@pytest.mark.parametrize("modality", range(4))
def test_should_give_weight_one_and_zero_disagreement_when_one_modality_is_there(modality):
    output = make_network()(make_volumes(), mask_of([modality]))
    assert output.weights[0, modality].item() == 1.0
    assert output.loss_global.item() == 0.0
    assert output.loss_regional.item() == 0.0
    assert torch.isfinite(output.probabilities).all()


@torch.inference_mode()
@pytest.mark.parametrize("subset", [s for s in ALL_SUBSETS if len(s) == 2], ids=str)
def test_should_give_both_the_same_weight_when_two_modalities_are_there(subset):
    output = make_network()(make_volumes(), mask_of(subset))
    assert output.weights[0, list(subset)].tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


@torch.inference_mode()
def test_should_weigh_three_modalities_differently_when_their_experts_disagree():
    weights = make_network()(make_volumes(), mask_of([0, 1, 2])).weights[0, :3]
    assert weights.max() - weights.min() > 1e-3


@torch.inference_mode()
def test_should_give_full_consistency_and_uniform_weights_when_experts_are_identical():
    network = make_network()
    for encoder in network.encoders[1:]:
        encoder.load_state_dict(network.encoders[0].state_dict())
    volumes = make_volumes(modalities=1).expand(-1, 4, -1, -1, -1)
    output = network(volumes, mask_of(range(4)))
    torch.testing.assert_close(output.consistency_global, torch.ones(1, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(output.consistency_regional, torch.ones(1, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(output.weights, torch.full((1, 4), 0.25), atol=1e-3, rtol=0)


@torch.inference_mode()
def test_should_permute_weights_when_encoders_and_volumes_are_permuted():
    network, order = make_network(), [2, 0, 3, 1]
    volumes, available = make_volumes(), mask_of([0, 1, 2])
    expected = network(volumes, available)
    network.encoders = torch.nn.ModuleList(network.encoders[m] for m in order)
    permuted = network(volumes[:, order], available[:, order])
    torch.testing.assert_close(permuted.weights, expected.weights[:, order], atol=1e-5, rtol=0)
    torch.testing.assert_close(permuted.probabilities, expected.probabilities, atol=1e-5, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
def test_should_ignore_the_content_of_a_slot_when_its_modality_is_missing(garbage):
    network, volumes, available = make_network(), make_volumes(), mask_of([0, 2, 3])
    expected = network(volumes, available)
    spoilt = volumes.clone()
    spoilt[:, 1] = garbage
    found = network(spoilt, available)
    assert torch.equal(found.probabilities, expected.probabilities)
    assert torch.equal(found.weights, expected.weights)


@torch.inference_mode()
def test_should_react_to_a_volume_when_its_modality_is_there():
    network, volumes = make_network(), make_volumes()
    changed = volumes.clone()
    changed[:, 1] = -changed[:, 1]
    available = mask_of(range(4))
    assert not torch.allclose(network(volumes, available).probabilities, network(changed, available).probabilities)


@torch.inference_mode()
def test_should_equal_the_samples_run_alone_when_a_batch_mixes_masks():
    network, volumes = make_network(), make_volumes(batch=4)
    masks = torch.cat([mask_of(s) for s in ((1,), (0, 3), (0, 1, 2), (0, 1, 2, 3))])
    together = network(volumes, masks)
    for row in range(4):
        alone = network(volumes[row : row + 1], masks[row : row + 1])
        torch.testing.assert_close(together.probabilities[row : row + 1], alone.probabilities, atol=1e-5, rtol=0)
        torch.testing.assert_close(together.weights[row : row + 1], alone.weights, atol=1e-5, rtol=0)
        torch.testing.assert_close(together.consistency_global[row], alone.consistency_global[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(together.loss_regional[row], alone.loss_regional[0], atol=1e-5, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("subset", ALL_SUBSETS, ids=str)
def test_should_equal_the_masked_run_when_only_a_subset_is_computed(subset, shortcut):
    network, volumes = make_network(), make_volumes()
    masked = network(volumes, mask_of(subset))
    found = network.forward_subset(volumes[:, list(subset)], subset, shortcut=shortcut)
    torch.testing.assert_close(found.probabilities, masked.probabilities, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.weights, masked.weights[:, list(subset)], atol=1e-5, rtol=0)
    if shortcut and len(subset) <= 2:
        assert found.expert_probabilities is None
        assert found.consistency_global is None
    else:
        torch.testing.assert_close(
            found.consistency_regional, masked.consistency_regional[:, list(subset)], atol=1e-5, rtol=0
        )


@torch.inference_mode()
def test_should_start_from_uniform_fusion_when_the_gate_is_untrained():
    torch.manual_seed(0)
    network = ConsistencyGatedNetwork(NetworkConfiguration(base_width=2)).eval()
    output = network(make_volumes(), mask_of([0, 1, 3]))
    assert output.weights[0].tolist() == pytest.approx([1 / 3, 1 / 3, 0.0, 1 / 3], abs=1e-6)


@torch.inference_mode()
@pytest.mark.parametrize(("modalities", "classes"), [(2, 3), (5, 2)])
def test_should_run_when_modalities_and_classes_are_not_four(modalities, classes):
    network = make_network(modalities=modalities, classes=classes)
    output = network(make_volumes(modalities=modalities), torch.ones(1, modalities, dtype=torch.bool))
    assert output.probabilities.shape == (1, classes, 16, 16, 16)
    torch.testing.assert_close(output.probabilities.sum(1), torch.ones(1, 16, 16, 16), atol=1e-5, rtol=0)
    assert output.weights.shape == (1, modalities)


@torch.inference_mode()
def test_should_weigh_uniformly_when_fusion_is_the_mean():
    output = make_network(fusion="mean")(make_volumes(), mask_of([0, 1, 3]))
    assert output.weights[0].tolist() == pytest.approx([1 / 3, 1 / 3, 0.0, 1 / 3], abs=1e-6)


@torch.inference_mode()
def test_should_prefer_the_consistent_experts_when_scores_alone_decide():
    output = make_network(fusion="scores")(make_volumes(), mask_of(range(4)))
    total = output.consistency_global[0] + output.consistency_regional[0]
    assert output.weights[0].argmax() == total.argmax()
    assert output.weights[0].argmin() == total.argmin()


@torch.inference_mode()
@pytest.mark.parametrize("switch", ["use_global", "use_regional"])
def test_should_change_the_weights_when_one_score_is_switched_off(switch):
    volumes, available = make_volumes(), mask_of(range(4))
    both = make_network()(volumes, available).weights
    one = make_network(**{switch: False})(volumes, available).weights
    assert not torch.allclose(both, one, atol=1e-4)


@torch.inference_mode()
def test_should_ignore_both_scores_when_both_are_switched_off():
    output = make_network(use_global=False, use_regional=False)(make_volumes(), mask_of(range(4)))
    assert output.weights[0].tolist() == pytest.approx([0.25] * 4, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 16, 16, 16), (1, 4, 16, 12, 16), (4, 16, 16, 16)])
def test_should_refuse_when_the_shape_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"expected|multiples"):
        make_network()(torch.zeros(shape), mask_of(range(4)))


def test_should_have_the_documented_number_of_parameters_when_the_width_is_sixteen():
    network = ConsistencyGatedNetwork(NetworkConfiguration(base_width=16))
    counts = {
        "encoder": sum(p.numel() for p in network.encoders[0].parameters()),
        "decoder": sum(p.numel() for p in network.expert_decoder.parameters()),
        "all": sum(p.numel() for p in network.parameters()),
    }
    assert counts == {"encoder": 1_466_496, "decoder": 586_388, "all": 7_038_970}


def test_should_keep_the_layout_when_channels_come_last_in_training():
    unit = ConvolutionUnit(8, 8)
    features = torch.randn(2, 8, 6, 8, 10)
    plain = unit(features)
    with_channels_last_convolution(unit)
    last = unit(features)
    assert last.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(last, plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 2])
def test_should_have_the_same_gradients_when_channels_come_last(samples):
    """PyTorch 2.13's instance normalisation has not, for one sample."""
    gradients = []
    for last in (False, True):
        torch.manual_seed(1)
        units = torch.nn.Sequential(ConvolutionUnit(4, 8), ConvolutionUnit(8, 8), ConvolutionUnit(8, 8))
        if last:
            for unit in units:
                with_channels_last_convolution(unit)
        features = torch.randn(samples, 4, 8, 10, 12)
        loss = (units(features) * torch.randn(samples, 8, 8, 10, 12)).mean()
        gradients.append(torch.autograd.grad(loss, [unit.convolution.weight for unit in units]))
    for plain, found in zip(*gradients, strict=True):
        torch.testing.assert_close(found, plain, atol=1e-6, rtol=1e-3)


def with_channels_last_convolution(unit: ConvolutionUnit) -> None:
    """Let a unit's convolution answer with channels last, as PyTorch's do in half precision on a CPU."""
    unit.convolution.register_forward_hook(
        lambda module, given, convolved: convolved.contiguous(memory_format=torch.channels_last_3d)
    )
