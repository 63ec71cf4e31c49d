"""Export, parity and the contract page, on a tiny network; all fifteen subsets."""

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cloe.export.bundle import BundleDescription, update_measured, write_bundle
from cloe.export.golden import golden_input
from cloe.export.graphs import prepare, subset_graph
from cloe.export.parity import check_golden, compare, network_parity, oracle_parity, parity_volumes
from cloe.export.weights import share_weights
from cloe.inference.bundle import Bundle, BundleError
from cloe.specification import BRAIN_GLIOMA, subsets
from conftest import TINY_WINDOW, make_network

EXACT = 1e-4
FEW_ROUNDINGS = 5e-6
"""The fused normalisation of ONNX Runtime misses this several times over."""


def test_should_agree_with_the_network_when_any_of_the_fifteen_subsets_runs(tiny_network, tiny_bundle):
    rows = network_parity(tiny_network, tiny_bundle)
    assert len(rows) == 15
    assert [row for row in rows if not row.within(EXACT)] == []


def test_should_agree_with_the_oracle_when_absent_slots_hold_garbage(tiny_bundle):
    rows = oracle_parity(tiny_bundle)
    assert len(rows) == 15
    assert [row for row in rows if not row.within(EXACT)] == []


@pytest.mark.parametrize("subset", [(0,), (0, 1, 2)])
def test_should_stay_exact_when_a_channel_has_many_voxels(tiny_network, subset):
    window = (64, 64, 64)
    volumes = np.ascontiguousarray(parity_volumes(4, window)[:, list(subset)])
    exact = copy.deepcopy(tiny_network).double()
    exact.gate.float()  # consistency and gate work in float32 by design
    with torch.inference_mode():
        expected = exact.forward_subset(torch.from_numpy(volumes).double(), subset).probabilities.numpy()
    graph = subset_graph(prepare(tiny_network), subset, window)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(["probabilities"], {"volumes": volumes})[0]
    assert np.abs(found - expected).max() < FEW_ROUNDINGS


def test_should_fail_parity_when_the_network_is_another_one(tiny_bundle):
    assert not any(row.within() for row in network_parity(make_network(seed=6), tiny_bundle))


def test_should_list_every_subset_once_with_its_gate_when_a_bundle_is_written(tiny_bundle):
    graphs = tiny_bundle.manifest["graphs"]
    expected = [[BRAIN_GLIOMA.modalities[i] for i in subset] for subset in subsets(4)]
    assert [graph["modalities"] for graph in graphs] == expected
    for graph in graphs:
        assert graph["file"] == "graphs/" + "+".join(graph["modalities"]) + ".onnx"
        assert graph["gate"] == ("fixed" if len(graph["modalities"]) <= 2 else "computed")


def test_should_not_mention_extra_graphs_when_none_is_asked_for(tiny_bundle):
    assert "extraGraphs" not in tiny_bundle.manifest


def test_should_have_the_documented_interface_when_a_graph_is_loaded(tiny_bundle):
    for graph in tiny_bundle.manifest["graphs"]:
        model = onnx.load(tiny_bundle.folder / graph["file"])
        k = len(graph["modalities"])
        shapes = {
            value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
            for value in (*model.graph.input, *model.graph.output)
        }
        expected = {"volumes": [1, k, *TINY_WINDOW], "probabilities": [1, 4, *TINY_WINDOW]}
        if graph["gate"] == "computed":
            expected |= {name: [1, k] for name in ("weights", "consistency_global", "consistency_regional")}
        assert shapes == expected


def test_should_hold_plain_operators_only_when_a_graph_is_exported(tiny_bundle):
    model = onnx.load(tiny_bundle.folder / "graphs/T1+T1CE+T2+FLAIR.onnx", load_external_data=False)
    kinds = {node.op_type for node in model.graph.node}
    names = [tensor.name for tensor in model.graph.initializer]
    assert len(names) == len(set(names))
    assert not kinds & {"BatchNormalization", "InstanceNormalization", "Pad", "If", "NonZero", "ScatterND"}
    biased = [node for node in model.graph.node if node.op_type == "Conv" and len(node.input) == 3]
    assert len(biased) == 2 + 2  # both class heads and the two layers of the region head


def test_should_leave_the_experts_out_when_two_modalities_are_exported(tiny_bundle):
    model = onnx.load(tiny_bundle.folder / "graphs/T1+T2.onnx", load_external_data=False)
    names = [tensor.name for tensor in model.graph.initializer]
    assert not [name for name in names if "expert" in name or "gate" in name or "region" in name]
    assert {name.split(".")[2] for name in names if ".encoders." in name} == {"0", "2"}


def test_should_tell_nothing_about_the_machine_when_a_graph_is_stored(tiny_bundle):
    for path in tiny_bundle.folder.rglob("*.onnx"):
        content = path.read_bytes()
        assert b"/src/" not in content
        assert b".py" not in content


def test_should_reproduce_the_golden_window_when_the_bundle_is_intact(tiny_bundle):
    assert check_golden(tiny_bundle) < 1e-5
    assert len(tiny_bundle.manifest["golden"]["samples"]) >= 60


def test_should_follow_the_formula_when_the_golden_input_is_made():
    volumes = golden_input(3, (4, 5, 6))
    assert volumes.shape == (1, 3, 4, 5, 6)
    assert volumes.dtype == np.float32
    assert volumes[0, 2, 1, 3, 4] == np.float32(np.sin(0.37 * 3 + 0.11 * 1 + 0.07 * 3 + 0.05 * 4))


@pytest.mark.parametrize("file", ["graphs/weights.bin", "graphs/T1+T2.onnx", "README.md"])
def test_should_refuse_when_a_file_was_changed(tiny_bundle_folder, tmp_path, file):
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle_folder, folder)
    Bundle(folder).check_files()
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(bytes(content))
    with pytest.raises(BundleError, match="digest"):
        Bundle(folder).check_files()


def test_should_refuse_when_a_file_is_missing_or_extra(tiny_bundle_folder, tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle_folder, folder)
    (folder / "extra.txt").touch()
    with pytest.raises(BundleError, match="manifest"):
        Bundle(folder).check_files()
    (folder / "extra.txt").unlink()
    (folder / "graphs/T1.onnx").unlink()
    with pytest.raises(BundleError, match="manifest"):
        Bundle(folder).check_files()


def test_should_notice_when_the_weights_are_not_the_golden_ones(tiny_bundle_folder, tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle_folder, folder)
    weights = np.frombuffer((folder / "graphs/weights.bin").read_bytes(), np.float32).copy()
    weights[: weights.size // 2] *= 1.5
    weights[weights.size // 2 :] *= -1.0
    (folder / "graphs/weights.bin").write_bytes(weights.tobytes())
    assert check_golden(Bundle(folder)) > 1e-3


def test_should_refuse_when_the_format_or_the_subset_is_unknown(tiny_bundle, tiny_bundle_folder, tmp_path):
    manifest = json.loads((tiny_bundle_folder / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "formatVersion": 2}))
    with pytest.raises(BundleError, match="format"):
        Bundle(tmp_path)
    with pytest.raises(BundleError, match="no graph"):
        tiny_bundle.run(["T2", "T1"], np.zeros((1, 2, *TINY_WINDOW), np.float32))


def test_should_keep_graphs_and_show_numbers_in_the_card_when_results_are_added(tiny_bundle_folder, tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle_folder, folder)
    before, digest = Bundle(folder), Bundle(folder).digest()
    scores = {"WT": 0.5, "TC": 0.25, "ET": 0.125}
    update_measured(folder, {"a test": {"source": "made up here", "cases": 1, "perSubset": {"T1": scores}}})
    after = Bundle(folder)
    after.check_files()
    assert after.digest() != digest
    assert after.manifest["files"]["graphs/weights.bin"] == before.manifest["files"]["graphs/weights.bin"]
    card = (folder / "README.md").read_text()
    assert "NOT FOR CLINICAL USE" in card
    assert "| T1 | 0.500 | 0.250 | 0.125 |" in card


def test_should_refuse_when_network_and_specification_differ(tmp_path):
    with pytest.raises(ValueError, match="modalities"):
        write_bundle(make_network(modalities=2), tmp_path, BundleDescription(BRAIN_GLIOMA))
    with pytest.raises(ValueError, match="classes"):
        write_bundle(make_network(classes=2), tmp_path, BundleDescription(BRAIN_GLIOMA))


def small_model(value: float, name: str = "network.w") -> onnx.ModelProto:
    tensor = onnx.numpy_helper.from_array(np.full((16, 16), value, np.float32), name)
    node = onnx.helper.make_node("Add", ["x", name], ["y"])
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [16, 16]) for n in ("x", "y")]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [tensor])
    return onnx.helper.make_model(graph)


def test_should_store_a_tensor_once_when_two_graphs_share_it():
    assert len(share_weights([small_model(1.0), small_model(1.0)], "weights.bin")) == 1024


def test_should_keep_one_constant_when_two_of_a_graph_are_equal():
    model = small_model(1.0, "val_3")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.full((16, 16), 1.0, np.float32), "val_4"))
    model.graph.node.append(onnx.helper.make_node("Mul", ["x", "val_4"], ["z"]))

    assert len(share_weights([model], "weights.bin")) == 1024

    assert len(model.graph.initializer) == 1
    assert {node.input[1] for node in model.graph.node} == {model.graph.initializer[0].name}


def test_should_store_both_when_constants_of_one_name_differ():
    first, second = small_model(1.0, "val_3"), small_model(2.0, "val_3")
    assert len(share_weights([first, second], "weights.bin")) == 2048
    assert first.graph.node[0].input[1] == first.graph.initializer[0].name != second.graph.initializer[0].name


def test_should_refuse_when_a_trained_tensor_differs_between_graphs():
    with pytest.raises(ValueError, match="differs"):
        share_weights([small_model(1.0), small_model(2.0)], "weights.bin")


def test_should_measure_the_largest_difference_when_outputs_are_compared():
    reference = {"probabilities": np.array([[[0.6], [0.4]]]), "weights": np.array([[0.2, 0.3, 0.5]])}
    found = {"probabilities": np.array([[[0.4], [0.6]]]), "weights": np.array([[0.3, 0.4]])}
    row = compare("x", reference, found, [1, 2])
    assert row.probabilities == pytest.approx(0.2)
    assert row.gate == pytest.approx(0.1)
    assert row.labels == 0.0
