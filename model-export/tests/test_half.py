"""The bundle in half precision against the one it was made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from cloe.export.golden import golden_difference, golden_input
from cloe.export.half import halve, write_half_bundle
from cloe.inference.bundle import Bundle

SHIPPED = Path(__file__).parents[1] / "bundles" / "cloe-w8-demo"


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("half") / "bundle"
    write_half_bundle(SHIPPED, folder)
    return Bundle(folder, threads=1)


def test_should_be_a_whole_bundle_of_half_the_size_when_converted(half: Bundle) -> None:
    half.check_files()
    assert half.manifest["version"] == Bundle(SHIPPED).manifest["version"] + "-fp16"
    weights = "graphs/weights.bin"
    assert (half.folder / weights).stat().st_size < 0.6 * (SHIPPED / weights).stat().st_size
    full = half.specification.modalities
    assert golden_difference(half.manifest["golden"], half.run(full, golden_input(len(full), half.window))) < 1e-5


def test_should_take_and_give_float32_when_converted(half: Bundle) -> None:
    for graph in half.manifest["graphs"]:
        model = onnx.load(half.folder / graph["file"], load_external_data=False)
        for value in [*model.graph.input, *model.graph.output]:
            assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("names", [("T2",), ("T1", "FLAIR"), ("T1", "T1CE", "T2", "FLAIR")])
def test_should_answer_nearly_the_same_when_the_window_is_the_same(half: Bundle, names: tuple[str, ...]) -> None:
    window = golden_input(len(names), half.window)
    expected = Bundle(SHIPPED, threads=1).run(names, window)
    found = half.run(names, window)
    assert found.keys() == expected.keys()
    apart = {key: np.abs(found[key] - values) for key, values in expected.items()}
    # Where two classes are about as likely, a steep network turns a rounding into more.
    probabilities = apart.pop("probabilities")
    assert np.quantile(probabilities, 0.99) < 2e-2
    assert probabilities.max() < 0.2
    assert all(scores.max() < 2e-2 for scores in apart.values())
    equal = found["probabilities"].argmax(1) == expected["probabilities"].argmax(1)
    assert equal.mean() > 0.995


def test_should_stay_finite_when_a_square_exceeds_half_precision() -> None:
    helper = onnx.helper
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Neg", ["x"], ["c"]),
                helper.make_node("Mul", ["c", "c"], ["q"]),
                helper.make_node("ReduceMean", ["q"], ["y"]),
            ],
            "squares",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 8])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 1])],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    session = onnxruntime.InferenceSession(halve(model).SerializeToString(), providers=["CPUExecutionProvider"])
    one_large = np.zeros((2, 8), np.float32)
    one_large[1, 3] = 300.0
    assert session.run(None, {"x": one_large})[0].item() == pytest.approx(90_000 / 16, rel=1e-3)


def test_should_refuse_when_the_bundle_is_halved_already(half: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="already"):
        write_half_bundle(half.folder, tmp_path / "again")
