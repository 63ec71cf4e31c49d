"""What running a graph takes in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import onnx
from onnx import shape_inference

MIB = 1 << 20


def activation_mib(model: onnx.ModelProto) -> int:
    """The most that a graph's inputs and intermediate tensors take at a time, in MiB, rounded up.

    Every tensor lives from the node that makes it to the last one that reads it, nodes run in the graph's order and
    none writes over its input. Weights are not counted, nor is what an allocator wastes.

    Parameters
    ----------
    model
        Of fixed shapes; its weights may lie outside.

    Raises
    ------
    ValueError
        If a tensor's shape cannot be told.
    """
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    sizes = dict(_sizes((*graph.value_info, *graph.input, *graph.output)))
    last_use = {name: index for index, node in enumerate(graph.node) for name in node.input}
    results = {value.name for value in graph.output}
    alive = {value.name for value in graph.input}
    most = 0
    for index, node in enumerate(graph.node):
        alive.update(name for name in node.output if name)
        unknown = [name for name in alive if name not in sizes]
        if unknown:
            raise ValueError(f"the shape of {unknown[0]} is not fixed")
        most = max(most, sum(sizes[name] for name in alive))
        alive = {name for name in alive if name in results or last_use.get(name, -1) > index}
    return math.ceil(most / MIB)


def _sizes(values: Iterable[onnx.ValueInfoProto]) -> Iterator[tuple[str, int]]:
    """Names and bytes of the tensors whose shapes are fixed."""
    for value in values:
        tensor = value.type.tensor_type
        if all(dimension.HasField("dim_value") for dimension in tensor.shape.dim):
            elements = math.prod(dimension.dim_value for dimension in tensor.shape.dim)
            yield value.name, elements * onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize
