"""Writes the model bundle `tiny` that the worker's tests run: a real, if meaningless, network of a few kilobytes.

    python make_tiny_bundle.py        needs numpy, onnx and onnxruntime; same bytes every time

Three modalities, three classes whose mask labels differ from their channel index, and a window whose three sides differ, so
that mixed-up axes, channels or labels show.
"""

import hashlib
import itertools
import json
import math
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
BUNDLE = HERE / "tiny"
MODALITIES = ["T1", "T2", "FLAIR"]
CLASSES = [("BACKGROUND", 0), ("CORE", 1), ("RIM", 4)]
WINDOW = [8, 16, 24]
FEATURES = 4
EXTERNAL_DATA = "weights.bin"  # beside the graphs: ONNX Runtime refuses external data outside the graph's own folder


def trained_tensors() -> dict[str, np.ndarray]:
    random = np.random.default_rng(20261123)
    tensors = {
        f"encoder.{modality}": (random.standard_normal((FEATURES, 1, 3, 3, 3)) * 0.35).astype("<f4")
        for modality in MODALITIES
    }
    tensors["head.weight"] = (random.standard_normal((len(CLASSES), FEATURES, 1, 1, 1)) * 1.5).astype("<f4")
    tensors["head.bias"] = np.array([0.6, 0.0, -0.1], dtype="<f4")
    return tensors


class SharedWeights:
    """One file, every tensor once; graphs refer to it by offset."""

    def __init__(self, tensors: dict[str, np.ndarray]):
        self.bytes = b""
        self.tensors = {}
        for name, values in tensors.items():
            self.tensors[name] = (values.shape, len(self.bytes), values.nbytes)
            self.bytes += values.tobytes()

    def initializer(self, name: str) -> TensorProto:
        shape, offset, length = self.tensors[name]
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", EXTERNAL_DATA), ("offset", str(offset)), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
        return tensor


def graph(
    subset: list[str], weights: SharedWeights, window: list[int] = WINDOW, use: str | None = None
) -> onnx.ModelProto:
    k, computed = len(subset), len(subset) > 2 or use == "consistency"
    nodes, constants = [], {}

    def constant(name, value, kind):
        constants[name] = numpy_helper.from_array(np.array(value, dtype=kind), name)
        return name

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def head(features, output):
        logits = node("Conv", [features, "head.weight", "head.bias"], output + ".logits")
        return node("Softmax", [logits], output, axis=1)

    features = []
    for channel, modality in enumerate(subset):
        start, stop = constant(f"start{channel}", [channel], "i8"), constant(f"stop{channel}", [channel + 1], "i8")
        volume = node("Slice", ["volumes", start, stop, constant("axis", [1], "i8")], f"volume.{modality}")
        raw = node("Conv", [volume, f"encoder.{modality}"], f"raw.{modality}", pads=[1] * 6)
        features.append(node("LeakyRelu", [raw], f"features.{modality}", alpha=0.2))

    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(CLASSES), *window])]
    if use == "whole-crop":
        outputs = [
            helper.make_tensor_value_info("labels", TensorProto.UINT8, [1, *window]),
            helper.make_tensor_value_info("foreground", TensorProto.FLOAT, [1]),
        ]
    if computed:
        flat = constant("flat", [1, -1], "i8")
        mean = node("Mean", features, "mean")
        first = node("Slice", [mean, constant("zero", [0], "i8"), constant("one", [1], "i8"), "axis"], "first")
        region = node("Sigmoid", [first], "region")
        scores = []
        for score, mask in (("consistency_global", None), ("consistency_regional", region)):
            rows = []
            for modality, own in zip(subset, features):
                p = head(own, f"{score}.{modality}")
                p = node("Mul", [p, mask], f"{p}.masked") if mask else p
                rows.append(node("Reshape", [p, flat], f"{p}.row"))
            stacked = node("Concat", rows, f"{score}.stacked", axis=0)
            length = node("ReduceL2", [stacked, constant("columns", [1], "i8")], f"{score}.length", keepdims=1)
            unit = node("Div", [stacked, length], f"{score}.unit")
            transposed = node("Transpose", [unit], f"{score}.transposed", perm=[1, 0])
            cosine = node("MatMul", [unit, transposed], f"{score}.cosine")
            total = node("ReduceSum", [cosine, constant("rows", [0], "i8")], f"{score}.total", keepdims=1)
            others = node("Sub", [total, constant("self", 1.0, "f4")], f"{score}.others")
            scores.append(node("Div", [others, constant("count", k - 1.0, "f4")], score))
        agreement = node("Sum", scores, "agreement")
        gate = node("Softmax", [node("Mul", [agreement, constant("sharp", 10.0, "f4")], "gate")], "weights", axis=1)
        outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, k]) for name in ["weights", *(
            "consistency_global", "consistency_regional")]]
        split = [f"weight.{modality}" for modality in subset]
        nodes.append(helper.make_node("Split", [gate], split, axis=1, num_outputs=k))
    else:
        split = [constant("share", [[1.0 / k]], "f4")] * k
    scalar = constant("scalar", [1, 1, 1, 1, 1], "i8")
    weighted = []
    for modality, own, share in zip(subset, features, split):
        w = node("Reshape", [share, scalar], f"share.{modality}")
        weighted.append(node("Mul", [own, w], f"weighted.{modality}"))
    fused = node("Sum", weighted, "fused")
    head(fused, "probabilities")
    if use == "whole-crop":
        best = node("ArgMax", ["probabilities"], "best", axis=1, keepdims=0)
        node("Cast", [best], "labels", to=TensorProto.UINT8)
        from_class, to_class = constant("first_class", [1], "i8"), constant("last_class", [len(CLASSES)], "i8")
        classes = node("Slice", ["probabilities", from_class, to_class, constant("axis", [1], "i8")], "classes")
        node("ReduceSum", [classes, constant("sides", [1, 2, 3, 4], "i8")], "foreground", keepdims=0)

    names = [f"encoder.{modality}" for modality in subset] + ["head.weight", "head.bias"]
    volumes = helper.make_tensor_value_info("volumes", TensorProto.FLOAT, [1, k, *window])
    initializers = [weights.initializer(name) for name in names] + list(constants.values())
    body = helper.make_graph(nodes, "+".join(subset), [volumes], outputs, initializers)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="tiny")


def golden_input() -> np.ndarray:
    c, z, y, x = np.meshgrid(*[np.arange(n, dtype="f8") for n in (len(MODALITIES), *WINDOW)], indexing="ij")
    return np.sin(0.37 * (c + 1) + 0.11 * z + 0.07 * y + 0.05 * x)[None].astype("f4")


def golden() -> dict:
    session = onnxruntime.InferenceSession(BUNDLE / "graphs" / ("+".join(MODALITIES) + ".onnx"))
    values = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"volumes": golden_input()})))
    samples = []
    for step in range(12):
        z, y, x = (step * 5) % WINDOW[0], (step * 7) % WINDOW[1], (step * 11) % WINDOW[2]
        p = [float(v) for v in values["probabilities"][0, :, z, y, x]]
        samples.append({"z": z, "y": y, "x": x, "probabilities": p})
    return {
        "modalities": MODALITIES,
        "samples": samples,
        "weights": [float(v) for v in values["weights"][0]],
        "consistencyGlobal": [float(v) for v in values["consistency_global"][0]],
        "consistencyRegional": [float(v) for v in values["consistency_regional"][0]],
        "tolerance": 1e-3,
    }


def main() -> None:
    shutil.rmtree(BUNDLE, ignore_errors=True)
    (BUNDLE / "graphs").mkdir(parents=True)
    weights = SharedWeights(trained_tensors())
    (BUNDLE / "graphs" / EXTERNAL_DATA).write_bytes(weights.bytes)
    graphs = []
    for size in range(1, len(MODALITIES) + 1):
        for subset in map(list, itertools.combinations(MODALITIES, size)):
            file = f"graphs/{'+'.join(subset)}.onnx"
            (BUNDLE / file).write_bytes(graph(subset, weights).SerializeToString(deterministic=True))
            graphs.append({"modalities": subset, "file": file, "gate": "computed" if size > 2 else "fixed"})
    (BUNDLE / "README.md").write_text(
        "# tiny\nRandom weights, written by `make_tiny_bundle.py` for the worker's tests. It segments nothing.\n")
    files = {}
    for path in sorted(p for p in BUNDLE.rglob("*") if p.is_file()):
        content = path.read_bytes()
        name = path.relative_to(BUNDLE).as_posix()
        files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    manifest = {
        "formatVersion": 1,
        "family": "test-family",
        "id": "tiny",
        "version": "1.0.0",
        "notForClinicalUse": True,
        "modalities": MODALITIES,
        "orientation": "LPS",
        "window": WINDOW,
        "overlap": 0.5,
        "spacingMm": {"min": 0.9, "max": 2.6},
        "normalisation": {"method": "zscore-brain", "clip": 5.0},
        "classes": [{"index": i, "name": name, "label": label} for i, (name, label) in enumerate(CLASSES)],
        "labelScheme": "test-labels",
        "regions": {"WHOLE": ["CORE", "RIM"], "CORE": ["CORE"]},
        "graphs": graphs,
        "golden": golden(),
        "measured": {},
        "training": {"seed": 20261123},
        "files": files,
    }
    (BUNDLE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    assert all(math.isfinite(v) for v in manifest["golden"]["weights"])
    print(manifest["golden"])


if __name__ == "__main__":
    main()
