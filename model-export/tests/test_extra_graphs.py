"""Graphs that are in a bundle on request, and a model that prefers a modality."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cloe.cli.main import main
from cloe.export.bundle import BundleDescription, write_bundle
from cloe.export.graphs import prepare, whole_crop_graph
from cloe.export.memory import MIB, activation_mib
from cloe.export.operators import DoubleSizeByProducts, SoftmaxByExponentials, WeightedSumByProduct
from cloe.export.parity import check_golden, network_parity
from cloe.export.restore import restore_network
from cloe.inference.bundle import CONSISTENCY, WHOLE_CROP, Bundle
from cloe.inference.pipeline import Mode, segment
from cloe.inference.pipeline import whole_crop_graph as fitting_graph
from cloe.model.blocks import double_size
from cloe.model.network import ConsistencyGatedNetwork, WeightedSum
from cloe.specification import SegmentationClass, Specification
from conftest import TINY_WINDOW, make_network

WHOLE = (24, 24, 32)
SPECIFICATION = Specification(
    family="test",
    modalities=("T2", "ADC"),
    classes=(SegmentationClass("BACKGROUND", 0), SegmentationClass("A", 1), SegmentationClass("B", 2)),
    regions={"ALL": ("A", "B")},
    label_scheme="test",
)
WEIGHTS = torch.softmax(torch.tensor([1.0, -0.5]), 0).tolist()


@pytest.fixture(scope="module")
def network() -> ConsistencyGatedNetwork:
    """Two modalities, the first one preferred."""
    network = make_network(seed=7, modalities=2, classes=3, modality_bias=True)
    with torch.no_grad():
        network.modality_bias.copy_(torch.tensor([1.0, -0.5]))
    return network


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, network) -> Bundle:
    folder = tmp_path_factory.mktemp("extra")
    description = BundleDescription(
        SPECIFICATION,
        window=TINY_WINDOW,
        pair_consistency=True,
        whole_crop=(WHOLE,),
        training={"network": asdict(network.configuration)},
    )
    write_bundle(network, folder, description)
    return Bundle(folder, threads=1)


def study(names: tuple[str, ...] = ("T2", "ADC"), shape: tuple[int, int, int] = (20, 18, 30)) -> dict:
    random = np.random.default_rng(3)
    brain = np.zeros(shape, bool)
    brain[1:-1, 1:-1, 1:-1] = True
    return {name: np.where(brain, 100 + 20 * random.standard_normal(shape), 0).astype(np.float32) for name in names}


def test_should_list_each_graph_once_when_several_uses_are_asked_for(bundle):
    bundle.check_files()
    listed = [(entry["use"], entry["modalities"], entry["gate"]) for entry in bundle.manifest["extraGraphs"]]
    assert listed == [
        (CONSISTENCY, ["T2", "ADC"], "computed"),
        (WHOLE_CROP, ["T2"], "fixed"),
        (WHOLE_CROP, ["ADC"], "fixed"),
        (WHOLE_CROP, ["T2", "ADC"], "fixed"),
    ]


def test_should_serve_another_family_when_modalities_and_classes_differ(bundle, network):
    assert bundle.specification == SPECIFICATION
    assert [graph["file"] for graph in bundle.manifest["graphs"]] == [
        "graphs/T2.onnx",
        "graphs/ADC.onnx",
        "graphs/T2+ADC.onnx",
    ]
    assert bundle.manifest["golden"]["consistencyGlobal"] == []
    assert check_golden(bundle) < 1e-5
    assert all(row.within() for row in network_parity(network, bundle))


def test_should_know_the_consistency_of_two_with_the_same_weights_when_asked_for(bundle):
    plain = segment(bundle, study(), Mode(whole_crop=False))
    asked = segment(bundle, study(), Mode(whole_crop=False, pair_consistency=True))

    assert plain.gate == "fixed"
    assert plain.scores.weights.tolist() == pytest.approx(WEIGHTS, abs=1e-6)
    assert asked.gate == "computed"
    assert (asked.channels == plain.channels).mean() > 0.9999
    assert asked.scores.weights.tolist() == pytest.approx(WEIGHTS, abs=1e-5)
    u = asked.scores.consistency_global
    assert u[0] == pytest.approx(u[1], rel=1e-4)
    assert 0 < u[0] < 1


def test_should_say_what_the_network_says_when_a_crop_is_segmented_at_once():
    network = make_network(seed=9, modalities=3, classes=3)
    volumes = np.random.default_rng(5).standard_normal((1, 3, *TINY_WINDOW)).astype(np.float32)
    with torch.inference_mode():
        expected = network.forward_subset(torch.from_numpy(volumes), (0, 1, 2))
    graph = whole_crop_graph(prepare(network), (0, 1, 2), TINY_WINDOW)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    outputs = dict(zip(names, session.run(names, {"volumes": volumes}), strict=True))

    assert names == ["labels", "foreground", "weights", "consistency_global", "consistency_regional"]
    assert outputs["labels"].dtype == np.uint8
    assert (outputs["labels"] == expected.probabilities.argmax(1).numpy()).mean() > 0.9999
    assert outputs["foreground"][0] == pytest.approx(float((1 - expected.probabilities[:, 0]).sum()), rel=1e-4)
    assert np.abs(outputs["weights"] - expected.weights.numpy()).max() < 1e-4


def test_should_run_windows_when_no_graph_holds_the_crop(bundle):
    large = study(shape=(20, 18, 40))
    assert fitting_graph(bundle, ["T2", "ADC"], (20, 18, 40)) is None
    assert fitting_graph(bundle, ["T2", "ADC"], (24, 24, 16)) is not None
    assert fitting_graph(bundle, ["T2", "ADC"], (24, 23, 16)) is None, "fills less than half"
    by_windows, asked = segment(bundle, large, Mode(whole_crop=False)), segment(bundle, large)
    assert (by_windows.channels == asked.channels).all()


def test_should_label_the_brain_alone_when_a_crop_is_segmented_at_once(bundle):
    volumes = study(shape=(24, 22, 32))
    result = segment(bundle, volumes)
    assert result.scores.weights.tolist() == pytest.approx(WEIGHTS, abs=1e-6)
    assert (result.scores.spread == 0).all()
    assert result.channels.any()
    assert not result.channels[volumes["T2"] == 0].any()


def test_should_weigh_one_modality_fully_when_the_model_prefers_another(bundle):
    assert segment(bundle, study(("ADC",))).scores.weights.tolist() == pytest.approx([1.0])


def test_should_hold_the_same_network_when_a_bundle_is_exported_anew(bundle, network, tmp_path, capsys):
    assert main(["export", "--bundle", str(bundle.folder), "--out", str(tmp_path / "anew"), "--overlap", "0.25"]) == 0
    anew = Bundle(tmp_path / "anew", threads=1)
    before = json.loads((bundle.folder / "manifest.json").read_text())
    changed = {key for key in before if anew.manifest.get(key) != before[key]}
    assert changed == {"overlap", "extraGraphs", "files"}
    assert anew.manifest["overlap"] == 0.25
    assert "extraGraphs" not in anew.manifest
    assert all(row.within() for row in network_parity(network, anew))
    again = restore_network(anew)
    assert torch.equal(again.gate.first.weight, network.gate.first.weight)
    assert torch.equal(again.modality_bias, network.modality_bias)


def test_should_equal_the_plain_operators_when_faster_ones_stand_in():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 3, 4, 6, 8, generator=generator)
    assert torch.allclose(DoubleSizeByProducts()(features), double_size(features), atol=1e-6)
    assert torch.allclose(SoftmaxByExponentials()(90 * features), torch.softmax(90 * features, 1), atol=1e-6)
    level, weights = torch.randn(2, 3, 4, 2, 2, 2, generator=generator), torch.rand(2, 3, generator=generator)
    assert torch.allclose(WeightedSumByProduct()(level, weights), WeightedSum()(level, weights), atol=1e-6)


def test_should_state_the_memory_of_whole_crops_alone_when_a_bundle_is_written(bundle):
    stated = {entry["use"]: entry.get("activationMib") for entry in bundle.manifest["extraGraphs"]}
    assert stated[CONSISTENCY] is None
    assert stated[WHOLE_CROP] >= 1


def test_should_count_what_lives_at_a_time_when_a_graph_is_measured():
    helper = onnx.helper

    def tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    nodes = [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Concat", ["x", "a"], ["b"], axis=0),
        helper.make_node("ReduceMean", ["b"], ["y"], keepdims=1),
    ]
    quarter = MIB // 4
    graph = helper.make_graph(nodes, "chain", [tensor("x", 2, quarter)], [tensor("y", 1, 1)])
    # x and a of 2 MiB each, and b of 4.
    assert activation_mib(helper.make_model(graph)) == 8
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    with pytest.raises(ValueError, match="not fixed"):
        activation_mib(helper.make_model(graph))
