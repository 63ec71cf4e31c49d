"""Writes the model bundle `tiny-extra`: `tiny` with the graphs that a bundle has on request.

    python make_tiny_extra_bundle.py        needs what make_tiny_bundle.py needs; same bytes with the same version

The graph of FLAIR alone asks for more memory than any machine has, the one for its whole crop too; the one of its small window works.
"""

import hashlib
import json
import shutil

import onnx
from make_tiny_bundle import BUNDLE, HERE, WINDOW, SharedWeights, graph, trained_tensors
from onnx import TensorProto, helper

TARGET = HERE / "tiny-extra"
WHOLE_CROP = [16, 32, 48]
SMALL_WINDOW = [8, 8, 16]
GREEDY = ["FLAIR"]


def greedy(model: onnx.ModelProto) -> onnx.ModelProto:
    """Expand one number to 64 tebibytes; how many, is only known when the graph runs."""
    body = model.graph
    first = body.node[0]
    body.initializer.extend(
        [
            helper.make_tensor("zero_of_greed", TensorProto.FLOAT, [1], [0.0]),
            helper.make_tensor("size_of_greed", TensorProto.INT64, [1], [2**44]),
        ]
    )
    first.input[0] = "greedy_volumes"
    nodes = [
        helper.make_node("ReduceMax", ["volumes"], ["largest"], keepdims=0),
        helper.make_node("Mul", ["largest", "zero_of_greed"], ["nothing"]),
        helper.make_node("Expand", ["nothing", "size_of_greed"], ["too_much"]),
        helper.make_node("ReduceMax", ["too_much"], ["greed"], keepdims=0),
        helper.make_node("Add", ["volumes", "greed"], ["greedy_volumes"]),
        *body.node,
    ]
    del body.node[:]
    body.node.extend(nodes)
    return model


def main() -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(BUNDLE, TARGET)
    weights = SharedWeights(trained_tensors())
    manifest = json.loads((TARGET / "manifest.json").read_text())
    manifest["id"] = "tiny-extra"
    extra, models = [], {}
    for entry in manifest["graphs"]:
        names = entry["modalities"]
        uses = [("whole-crop", WHOLE_CROP), ("whole-crop", WINDOW), ("small-window", SMALL_WINDOW)]
        if len(names) == 2:
            uses.append(("consistency", WINDOW))
        for use, window in uses:
            size = "" if use == "consistency" else "-" + "x".join(map(str, window))
            file = f"graphs/{'+'.join(names)}.{use}{size}.onnx"
            gate = "computed" if len(names) > 2 or use == "consistency" else "fixed"
            extra.append({"use": use, "modalities": names, "window": window, "file": file, "gate": gate})
            models[file] = graph(names, weights, window, use)
            if names == GREEDY and use == "whole-crop":
                greedy(models[file])
        if names == GREEDY:
            models[entry["file"]] = greedy(graph(names, weights))
    manifest["extraGraphs"] = extra
    (TARGET / "README.md").write_text("# tiny-extra\n\nWritten by `make_tiny_extra_bundle.py` for the worker's tests.\n")
    for file, model in models.items():
        (TARGET / file).write_bytes(model.SerializeToString(deterministic=True))
    for file in (*models, "README.md"):
        content = (TARGET / file).read_bytes()
        manifest["files"][file] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (TARGET / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
