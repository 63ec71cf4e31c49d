"""A bundle in half precision beside the one in full precision: the same model, half the memory traffic on a GPU."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.external_data_helper import load_external_data_for_model

from cloe.export.bundle import finish_bundle
from cloe.export.golden import golden_entry, golden_input
from cloe.export.weights import share_weights
from cloe.inference.bundle import MANIFEST, ORACLE, WEIGHTS, Bundle

SUFFIX = "-fp16"
TOLERANCE = 2e-2
"""Of the golden window: half precision rounds differently on every device."""

EXPONENT = "exponent.of.squares"

FULL_PRECISION = (
    "ConstantOfShape",
    "ReduceMean",
    "ReduceSum",
    "ReduceL2",
    "ReduceMax",
    "Softmax",
    "Exp",
    "Pow",
    "Sqrt",
    "Reciprocal",
    "Div",
)
"""Operators that stay in float32: constants are made so, sums over a window overflow float16, and the gate lives from
small differences."""


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with weights and activations in float16; inputs and outputs stay float32."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    _square_by_power(model)
    blocked = [*DEFAULT_OP_BLOCK_LIST, *FULL_PRECISION]
    converted = convert_float_to_float16(model, keep_io_types=True, op_block_list=blocked)
    _drop_round_trips(converted)
    return converted


def _square_by_power(model: onnx.ModelProto) -> None:
    """Write the products of a tensor with itself as powers, which stay in float32: float16 ends before 256 squared."""
    squares = [node for node in model.graph.node if node.op_type == "Mul" and node.input[0] == node.input[1]]
    if squares:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(2.0, np.float32), EXPONENT))
    for node in squares:
        node.op_type = "Pow"
        node.input[1] = EXPONENT


def _drop_round_trips(model: onnx.ModelProto) -> None:
    """Take out casts to float16 and back between operators that stay in float32: large values do not survive them."""
    producers = {output: node for node in model.graph.node for output in node.output}
    originals = {}
    for node in model.graph.node:
        narrowed = producers.get(node.input[0]) if _casts(node, onnx.TensorProto.FLOAT) else None
        if narrowed is not None and _casts(narrowed, onnx.TensorProto.FLOAT16):
            originals[node.output[0]] = narrowed.input[0]
    outputs = {value.name for value in model.graph.output}
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name in originals:
                node.input[index] = originals[name]
    for _ in ("back", "there"):
        used = {name for node in model.graph.node for name in node.input} | outputs
        kept = [node for node in model.graph.node if node.op_type != "Cast" or used.intersection(node.output)]
        del model.graph.node[:]
        model.graph.node.extend(kept)


def _casts(node: onnx.NodeProto, target: int) -> bool:
    return node.op_type == "Cast" and any(entry.name == "to" and entry.i == target for entry in node.attribute)


def write_half_bundle(source: Path, target: Path) -> None:
    """Convert every graph of a bundle.

    Parameters
    ----------
    source
        The bundle in full precision; not changed.
    target
        An empty or new folder.

    Raises
    ------
    ValueError
        If the source is damaged or in half precision already, or the target is not empty.
    """
    original = Bundle(source)
    original.check_files()
    manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text())
    if manifest["version"].endswith(SUFFIX):
        raise ValueError("the bundle is in half precision already")
    if target.exists() and any(target.iterdir()):
        raise ValueError(f"{target} is not empty")
    files = [graph["file"] for graph in (*manifest["graphs"], *manifest.get("extraGraphs", ()))]
    if (source / ORACLE).exists():
        files.append(ORACLE)
    models = {file: halve(_load(source, file)) for file in files}
    for model in models.values():
        _store_raw(model)
    block = share_weights(models.values(), Path(WEIGHTS).name)
    for file, model in models.items():
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (target / file).write_bytes(model.SerializeToString(deterministic=True))
    (target / WEIGHTS).write_bytes(block)
    manifest["version"] += SUFFIX
    manifest["training"] = {
        **manifest["training"],
        "precision": "float16, converted from the float32 bundle with sha256 "
        + hashlib.sha256((source / MANIFEST).read_bytes()).hexdigest(),
    }
    # What was measured was measured with the float32 graphs.
    manifest["measured"] = {}
    manifest["files"] = {}
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    full = original.specification.modalities
    outputs = Bundle(target).run(full, golden_input(len(full), original.window))
    golden = golden_entry(full, original.window, outputs, original.fixed_weights(full), original.gate(full) != "none")
    manifest["golden"] = {**golden, "tolerance": TOLERANCE}
    finish_bundle(target, manifest)


def _load(source: Path, file: str) -> onnx.ModelProto:
    """A graph with its tensors, all of which lie in the one file of weights."""
    model = onnx.load(source / file, load_external_data=False)
    load_external_data_for_model(model, str((source / WEIGHTS).parent))
    return model


def _store_raw(model: onnx.ModelProto) -> None:
    """Every tensor's values as raw bytes inside the model, as the shared weight file wants them."""
    for tensor in model.graph.initializer:
        if not tensor.raw_data:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
