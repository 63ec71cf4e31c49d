"""Peers of the model: their invariants, their losses, and bundles of them."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch

from cloe.cli import training
from cloe.cli.main import main
from cloe.evaluation.evaluate import RowStore, evaluate
from cloe.evaluation.studies import LabelledStudy
from cloe.export.bundle import BundleDescription, write_bundle
from cloe.export.graphs import prepare, subset_graph
from cloe.export.parity import check_golden, network_parity, oracle_parity
from cloe.export.restore import restore_network
from cloe.inference.bundle import Bundle, BundleError
from cloe.inference.pipeline import result_document, segment
from cloe.model.build import ARCHITECTURES, build_network
from cloe.model.configuration import Disentangled, NetworkConfiguration
from cloe.model.losses import LossWeights, one_hot, segmentation_loss
from cloe.model.objective import total_loss
from cloe.model.peers.hemis import moments
from cloe.model.peers.objectives import blended_loss, content_contrast, graded_dice_loss, style_contrast
from cloe.specification import SegmentationClass, Specification
from conftest import make_volumes

PEERS = ("rfnet", "hemis", "dcseg", "m3ae")
SUBSETS = ((0,), (1, 3), (0, 1, 2, 3))
PAIR = Specification(
    "prostate",
    ("T2", "ADC"),
    (SegmentationClass("BACKGROUND", 0), SegmentationClass("PZ", 1), SegmentationClass("TZ", 2)),
    {"GLAND": ("PZ", "TZ"), "PZ": ("PZ",)},
)


def make_peer(architecture: str, seed: int = 3, **changes):
    torch.manual_seed(seed)
    return build_network(NetworkConfiguration(**{"base_width": 4, "architecture": architecture, **changes})).eval()


def mask(*subsets: tuple[int, ...]) -> torch.Tensor:
    available = torch.zeros(len(subsets), 4, dtype=torch.bool)
    for sample, subset in enumerate(subsets):
        available[sample, list(subset)] = True
    return available


def test_should_have_the_published_size_when_rfnet_is_built():
    network = build_network(NetworkConfiguration(base_width=16, architecture="rfnet"))

    def size(part: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in part.parameters())

    # Published counts hold a bias per joined convolution, which the normalisation behind it cancels: left out here.
    biases = sum(1.25 * 16 * 2**level for level in range(4))
    assert size(network.encoders[0]) == 1_466_496
    assert size(network.expert_decoder) == 586_388
    assert size(network.fusion_decoder) + biases == 2_532_588
    assert size(network) + biases == 8_984_960


@pytest.mark.parametrize("architecture", PEERS)
def test_should_equal_the_masked_network_when_a_subset_runs_alone(architecture):
    network, volumes = make_peer(architecture), make_volumes(batch=len(SUBSETS))
    with torch.inference_mode():
        masked = network(volumes, mask(*SUBSETS)).probabilities
        for sample, subset in enumerate(SUBSETS):
            alone = network.forward_subset(volumes[sample : sample + 1, list(subset)], subset, shortcut=True)
            torch.testing.assert_close(masked[sample : sample + 1], alone.probabilities, atol=2e-5, rtol=0)
            assert alone.weights is None


@pytest.mark.parametrize("architecture", PEERS)
def test_should_ignore_what_lies_in_the_slot_when_a_modality_is_missing(architecture):
    network, volumes = make_peer(architecture), make_volumes()
    spoilt = volumes.clone()
    spoilt[:, [0, 2]] = float("nan")
    with torch.inference_mode():
        expected = network(volumes, mask((1, 3))).probabilities
        assert torch.equal(network(spoilt, mask((1, 3))).probabilities, expected)
        torch.testing.assert_close(expected.sum(1), torch.ones_like(expected[:, 0]))
        assert not torch.equal(network(volumes, mask((1,))).probabilities, expected)


@pytest.mark.parametrize("architecture", PEERS)
def test_should_reach_every_parameter_when_all_modalities_are_trained(architecture):
    network = make_peer(architecture).train()
    labels = torch.randint(0, 4, (1, 16, 16, 16), generator=torch.Generator().manual_seed(0))
    output = network.forward_subset(make_volumes(), (0, 1, 2, 3))
    loss, parts = total_loss(output, labels, mask((0, 1, 2, 3)), network.configuration, LossWeights(), 1.0)
    loss.backward()
    assert np.isfinite(parts["total"])
    # A bias before a normalisation has no effect, hence at most a rounding error for a gradient.
    unreached = [name for name, p in network.named_parameters() if p.grad is None]
    assert unreached == []
    still = [
        name
        for name, p in network.named_parameters()
        if not name.endswith("convolution.bias") and float(p.grad.abs().max()) == 0.0
    ]
    assert still == []


def test_should_take_mean_and_variance_over_the_available_when_moments_are_fused():
    features = [torch.full((2, 1, 1, 1, 1), value) for value in (1.0, 3.0, 100.0)]
    available = torch.tensor([[True, True, False], [False, True, False]])
    mean, variance = moments(features, available)
    assert mean.flatten().tolist() == [2.0, 3.0]
    assert variance.flatten().tolist() == [1.0, 0.0]


def test_should_not_depend_on_the_order_when_hemis_fuses_equal_encoders():
    network, volumes = make_peer("hemis"), make_volumes()
    for encoder in network.encoders:
        encoder.load_state_dict(network.encoders[0].state_dict())
    with torch.inference_mode():
        turned = network(volumes[:, [2, 0, 3, 1]], mask((0, 1, 2, 3))).probabilities
        expected = network(volumes, mask((0, 1, 2, 3))).probabilities
        torch.testing.assert_close(turned, expected, atol=1e-5, rtol=0)


def test_should_weigh_rare_classes_more_when_hemis_is_scored():
    target = one_hot(torch.tensor([[[[0, 1, 2, 3]]]]), 4)
    assert float(graded_dice_loss(target, target)) == pytest.approx(0.0, abs=1e-6)
    # Classes 0 and 3 exchanged: both lose their Dice, 0.1 + 0.4 of the whole.
    swapped = target[:, [3, 1, 2, 0]]
    assert float(graded_dice_loss(swapped, target)) == pytest.approx(0.5, abs=1e-6)


def test_should_train_experts_and_maps_before_the_fusion_when_rfnet_starts():
    network = make_peer("rfnet")
    output = network.forward_subset(make_volumes()[:, [1, 3]], (1, 3))
    assert [tuple(found.shape[2:]) for found in output.scale_probabilities] == [(16, 16, 16)] * 4
    labels = torch.ones(1, 16, 16, 16, dtype=torch.long)
    target = one_hot(labels, 4)
    maps = sum(float(segmentation_loss(found, target).detach()) for found in output.scale_probabilities)
    supervised = torch.tensor([[True, False]])
    early, parts = total_loss(output, labels, supervised, network.configuration, LossWeights(), 0.5)
    late, _ = total_loss(output, labels, supervised, network.configuration, LossWeights(), 1.0)
    assert parts["maps"] == pytest.approx(maps, rel=1e-5)
    first = float(segmentation_loss(output.expert_probabilities[:, 0], target).detach())
    assert parts["experts"] == pytest.approx(first, rel=1e-5)
    assert float(early.detach()) == pytest.approx(maps + first, rel=1e-5)
    assert float(late.detach()) == pytest.approx(maps + first + parts["fused"], rel=1e-5)


def test_should_have_the_published_sizes_when_dcseg_is_built():
    network = build_network(NetworkConfiguration(base_width=16, architecture="dcseg"))
    styles = sum(parameter.numel() for parameter in network.style_encoders[0].parameters())
    images = sum(parameter.numel() for parameter in network.image_decoders[0].parameters())
    assert styles == pytest.approx(2.78e6, abs=0.005e6)
    assert images == pytest.approx(4.95e6, abs=0.005e6)


def test_should_have_the_published_size_when_m3ae_is_built():
    # Published: three sigmoid outputs; the heads of single scales, which only training has, are not counted.
    network = build_network(NetworkConfiguration(base_width=16, classes=3, architecture="m3ae"))
    extras = sum(p.numel() for name, p in network.named_parameters() if name.startswith(("substitutes", "sides")))
    assert sum(p.numel() for p in network.parameters()) - extras == 4_704_211


def test_should_segment_as_rfnet_does_when_dcseg_has_its_weights():
    rfnet, dcseg = make_peer("rfnet"), make_peer("dcseg", seed=4)
    left = dcseg.load_state_dict(rfnet.state_dict(), strict=False)
    assert {name.split(".")[0] for name in left.missing_keys} == {"style_encoders", "image_decoders"}
    volumes = make_volumes()[:, [0, 2]]
    with torch.inference_mode():
        expected = rfnet.forward_subset(volumes, (0, 2)).probabilities
        found = dcseg.forward_subset(volumes, (0, 2))
        short = dcseg.forward_subset(volumes, (0, 2), shortcut=True)
    assert torch.equal(found.probabilities, expected)
    assert torch.equal(short.probabilities, expected)
    assert short.disentangled is None
    assert tuple(found.disentangled.styles.shape) == (1, 2, 32)
    assert tuple(found.disentangled.contents.shape) == (1, 2, 32, 2, 2, 2)


def disentangled(contents: torch.Tensor, styles: torch.Tensor) -> Disentangled:
    unused = torch.zeros(contents.shape[:2])
    return Disentangled(contents[..., None, None, None], styles, unused, unused)


def test_should_be_small_when_contents_agree_by_patch_and_styles_by_modality():
    by_patch = torch.eye(2)[:, None].expand(2, 2, 2)
    by_modality = torch.eye(2)[None].expand(2, 2, 2)
    used = torch.ones(2, 2, dtype=torch.bool)
    apart, mixed = disentangled(by_patch, by_modality), disentangled(by_modality, by_patch)
    assert float(content_contrast(apart, used)) < 0.4 < 3.0 < float(content_contrast(mixed, used))
    assert float(style_contrast(apart, used)) < 0.4 < 3.0 < float(style_contrast(mixed, used))


def test_should_not_look_at_a_spoilt_modality_when_contents_are_compared():
    used = torch.tensor([[True, True, False]])
    contents = torch.tensor([[[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]])
    other = contents.clone()
    other[:, 2] = 5.0
    assert torch.equal(
        content_contrast(disentangled(contents, contents), used), content_contrast(disentangled(other, contents), used)
    )
    assert float(content_contrast(disentangled(contents, contents), torch.zeros(1, 3, dtype=torch.bool))) == 0.0


def test_should_segment_with_the_substitute_when_a_modality_is_missing_for_m3ae():
    network, volumes = make_peer("m3ae"), make_volumes()
    with torch.no_grad():
        network.substitutes.copy_(torch.linspace(0.0, 1.0, 4 * 16**3).reshape(1, 4, 16, 16, 16))
        replaced = volumes.clone()
        # As large as the grid: nothing is stretched.
        replaced[:, 2] = network.substitutes[0, 2]
        expected = network.forward_subset(replaced, (0, 1, 2, 3), shortcut=True).probabilities
        found = network.forward_subset(volumes[:, [0, 1, 3]], (0, 1, 3), shortcut=True).probabilities
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_should_answer_twice_when_m3ae_is_trained_on_several_modalities():
    network, volumes = make_peer("m3ae"), make_volumes()
    assert network.forward_subset(volumes[:, :1], (0,)).twin is None
    assert network.forward_subset(volumes, (0, 1, 2, 3), shortcut=True).twin is None
    torch.manual_seed(5)
    found = network.forward_subset(volumes, (0, 1, 2, 3))
    assert not torch.equal(found.probabilities, found.twin.probabilities)
    assert [tuple(side.shape) for side in found.twin.scale_probabilities] == [(1, 4, 16, 16, 16)] * 2
    torch.manual_seed(5)
    assert torch.equal(network.forward_subset(volumes, (0, 1, 2, 3)).twin.probabilities, found.twin.probabilities)
    labels = torch.zeros(1, 16, 16, 16, dtype=torch.long)
    _, parts = total_loss(found, labels, mask((0, 1, 2, 3)), network.configuration, LossWeights(), 1.0)
    expected = (parts["fused"] + parts["twin"]) / 2.0 + 0.1 * parts["distillation"]
    assert parts["total"] == pytest.approx(expected, rel=1e-5)


def test_should_be_zero_when_m3ae_is_right():
    target = one_hot(torch.tensor([[[[0, 1, 2, 3]]]]), 4)
    assert float(blended_loss(target, target)) == pytest.approx(0.0, abs=1e-5)
    # Nothing found: Dice of 1/2 by the smoothing, and a cross entropy that the floor bounds.
    nothing = one_hot(torch.zeros(1, 1, 1, 4, dtype=torch.long), 4)
    assert float(blended_loss(nothing, target)) == pytest.approx(0.7 * 0.5 - 0.3 * np.log(1e-6) / 4.0, rel=1e-3)


@pytest.mark.parametrize("architecture", ["rfnet", "dcseg", "m3ae"])
def test_should_refuse_to_learn_when_a_peer_took_the_shortcut(architecture):
    network = make_peer(architecture)
    output = network.forward_subset(make_volumes()[:, [0, 1]], (0, 1), shortcut=True)
    labels = torch.zeros(1, 16, 16, 16, dtype=torch.long)
    with pytest.raises(ValueError, match="without the shortcut"):
        total_loss(output, labels, torch.ones(1, 2, dtype=torch.bool), network.configuration, LossWeights(), 1.0)


def test_should_offer_every_architecture_when_training_is_started_by_options():
    assert set(training.ARCHITECTURES) == set(ARCHITECTURES)


def test_should_refuse_what_it_cannot_build_when_a_network_is_configured():
    with pytest.raises(ValueError, match="unknown architecture"):
        build_network(NetworkConfiguration(architecture="unet"))
    with pytest.raises(ValueError, match="multiple of 4"):
        build_network(NetworkConfiguration(architecture="rfnet", base_width=2))


@pytest.mark.parametrize("architecture", ["dcseg", "m3ae"])
def test_should_answer_like_the_network_when_a_peer_is_exported(architecture):
    network, volumes = make_peer(architecture, modalities=2, classes=3), make_volumes(modalities=2)
    # One graph only: a whole bundle of these networks takes half a minute to export.
    model = subset_graph(prepare(network), (1,), (16, 16, 16))
    assert [output.name for output in model.graph.output] == ["probabilities"]
    # The graph of one modality holds nothing of the other's encoder, nor of what only training needs.
    unused = ("encoders.0", "expert_decoder", "style", "image_decoders", "sides")
    assert not [i.name for i in model.graph.initializer if any(part in i.name for part in unused)]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"volumes": volumes[:, 1:].numpy()})[0]
    with torch.inference_mode():
        expected = network(volumes, torch.tensor([[False, True]])).probabilities.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_should_say_that_there_are_no_weights_when_a_peer_is_exported(tmp_path):
    network = make_peer("hemis", modalities=2, classes=3)
    write_bundle(network, tmp_path / "b", BundleDescription(PAIR, identifier="hemis", window=(16, 16, 16)))
    bundle = Bundle(tmp_path / "b", threads=1)
    bundle.check_files()
    assert {graph["gate"] for graph in bundle.manifest["graphs"]} == {"none"}
    assert bundle.manifest["golden"]["weights"] == []
    assert check_golden(bundle) <= bundle.manifest["golden"]["tolerance"]
    assert all(row.within() for row in network_parity(network, bundle))
    assert all(row.within() for row in oracle_parity(bundle))
    volumes = dict(zip(PAIR.modalities, make_volumes(modalities=2, size=24)[0].numpy(), strict=True))
    result = segment(bundle, volumes)
    document = json.loads(json.dumps(result_document(bundle, result, 0.001)))
    assert document["gate"] == "none"
    assert document["weights"] is None
    assert document["consistencyGlobal"] is None
    rows = evaluate(
        bundle, [LabelledStudy("a", volumes, result.channels)], [["T2", "ADC"]], RowStore(tmp_path / "r", {})
    )
    assert rows[0].weights == {}
    assert rows[0].scores["GLAND"].dice == 1.0
    assert main(["verify", str(bundle.folder)]) == 0
    with pytest.raises(BundleError, match="no gate"):
        restore_network(bundle)
