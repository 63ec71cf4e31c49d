"""Writes the model bundle `treacherous`, whose graphs do what must not stop a worker.

    python make_treacherous_bundle.py        needs the package onnx; same bytes with the same version

It is the worker's tiny test bundle, but that the graph of T1 fails, the one of T2 does not end, the one of FLAIR asks for more memory than
any machine has, and the one of T1 and T2 answers what is not a number. All others, and with them the golden answer, are as they were.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent
TINY = HERE.parents[4] / "worker" / "src" / "test" / "resources" / "bundles" / "tiny"
TARGET = HERE / "treacherous"
PLAIN = "plain_probabilities"
LARGEST = 2**63 - 1


def constant(name: str, data_type: int, values: list[float]) -> onnx.TensorProto:
    """A one-dimensional initializer."""
    return helper.make_tensor(name, data_type, [len(values)], values)


def fails(graph: onnx.GraphProto) -> None:
    """Look up what is not in a list; where, is only known when the graph runs."""
    graph.initializer.extend(
        [constant("beyond", TensorProto.FLOAT, [1e6]), constant("list", TensorProto.FLOAT, [0.0, 0.0])]
    )
    graph.node.extend(
        [
            helper.make_node("Add", ["nothing", "beyond"], ["place"]),
            helper.make_node("Cast", ["place"], ["index"], to=TensorProto.INT64),
            helper.make_node("Gather", ["list", "index"], ["treason"]),
        ]
    )


def never_ends(graph: onnx.GraphProto) -> None:
    """Count to the largest number that there is."""
    counted = helper.make_tensor_value_info("counted", TensorProto.FLOAT, [1])
    body = helper.make_graph(
        [
            helper.make_node("Add", ["count", "one"], ["counted"]),
            helper.make_node("Identity", ["condition"], ["next_condition"]),
        ],
        "count",
        [
            helper.make_tensor_value_info("iteration", TensorProto.INT64, []),
            helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
            helper.make_tensor_value_info("count", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("next_condition", TensorProto.BOOL, []), counted],
    )
    graph.initializer.extend(
        [
            helper.make_tensor("trips", TensorProto.INT64, [], [LARGEST]),
            helper.make_tensor("true", TensorProto.BOOL, [], [True]),
            constant("one", TensorProto.FLOAT, [1.0]),
        ]
    )
    graph.node.append(helper.make_node("Loop", ["trips", "true", "nothing"], ["treason"], body=body))


def asks_for_too_much(graph: onnx.GraphProto) -> None:
    """Expand one number to 64 tebibytes."""
    graph.initializer.append(constant("size", TensorProto.INT64, [2**44]))
    graph.node.extend(
        [
            helper.make_node("Expand", ["nothing", "size"], ["too_much"]),
            helper.make_node("ReduceMax", ["too_much"], ["treason"], keepdims=0),
        ]
    )


def is_no_number(graph: onnx.GraphProto) -> None:
    """Divide nothing by nothing."""
    graph.node.append(helper.make_node("Div", ["nothing", "nothing"], ["treason"]))


def betray(source: Path, target: Path, treason: Callable[[onnx.GraphProto], None]) -> None:
    """Write a graph whose probabilities depend on what the treason computes from its input."""
    model = onnx.load(source, load_external_data=False)
    graph = model.graph
    last = next(node for node in graph.node if "probabilities" in node.output)
    last.output[list(last.output).index("probabilities")] = PLAIN
    graph.initializer.append(constant("zero", TensorProto.FLOAT, [0.0]))
    graph.node.extend(
        [
            helper.make_node("ReduceMax", ["volumes"], ["largest"], keepdims=0),
            helper.make_node("Mul", ["largest", "zero"], ["nothing"]),
        ]
    )
    treason(graph)
    graph.node.append(helper.make_node("Add", [PLAIN, "treason"], ["probabilities"]))
    target.write_bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Write the bundle beside this file."""
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(TINY, TARGET)
    manifest = json.loads((TARGET / "manifest.json").read_text())
    manifest["id"] = "treacherous"
    (TARGET / "README.md").write_text("# treacherous\n\nWritten by `make_treacherous_bundle.py` for fault tests.\n")
    betrayals = {"T1": fails, "T2": never_ends, "FLAIR": asks_for_too_much, "T1+T2": is_no_number}
    changed = ["README.md"]
    for name, treason in betrayals.items():
        file = f"graphs/{name}.onnx"
        betray(TINY / file, TARGET / file, treason)
        changed.append(file)
    for file in changed:
        content = (TARGET / file).read_bytes()
        manifest["files"][file] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (TARGET / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
