"""One trace for all subsets of a size: their graphs differ in nothing but whose encoders they hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import onnx

from cloe.export.weights import TRAINED_PREFIX
from cloe.model.build import Network

ENCODER = re.compile(re.escape(TRAINED_PREFIX) + r"encoders\.(\d+)\.(.+)")

GraphExporter = Callable[[Network, Sequence[int], Sequence[int]], onnx.ModelProto]
"""Network, subset and shape to a graph, as :func:`cloe.export.graphs.subset_graph`."""


class SharedTraces:
    """Graphs of one network, each kind traced once per number of modalities and shape if the network allows it.

    Tracing takes nearly all the time of an export. A graph made from another subset's trace has the bytes of its own.

    Parameters
    ----------
    network
        From :func:`cloe.export.graphs.prepare`; its weights must not change afterwards.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._shared = encoders_are_interchangeable(network)
        self._traced: dict[tuple[GraphExporter, int, tuple[int, ...]], tuple[Sequence[int], onnx.ModelProto]] = {}

    def graph(self, exporter: GraphExporter, subset: Sequence[int], shape: Sequence[int]) -> onnx.ModelProto:
        """The exporter's graph of a subset for this shape, (z, y, x) voxels; the caller may change it."""
        if not self._shared:
            return exporter(self._network, subset, shape)
        key = (exporter, len(subset), tuple(shape))
        if key not in self._traced:
            self._traced[key] = (subset, exporter(self._network, subset, shape))
        traced, model = self._traced[key]
        return self._with_encoders(model, dict(zip(traced, subset, strict=True)))

    def _with_encoders(self, model: onnx.ModelProto, successors: dict[int, int]) -> onnx.ModelProto:
        """A copy of the graph with the tensors of each encoder's successor."""
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        tensors = self._network.state_dict()
        names = {}
        for tensor in changed.graph.initializer:
            found = ENCODER.fullmatch(tensor.name)
            if found:
                own = f"encoders.{successors[int(found[1])]}.{found[2]}"
                names[tensor.name] = TRAINED_PREFIX + own
                tensor.name = names[tensor.name]
                tensor.raw_data = tensors[own].numpy().tobytes()
        for node in changed.graph.node:
            for index, name in enumerate(node.input):
                node.input[index] = names.get(name, name)
        return changed


def encoders_are_interchangeable(network: Network) -> bool:
    """Whether one subset's graph becomes another's by exchanging the encoders' tensors.

    Not if other parts know the modalities too, nor if a tensor of an encoder equals any other tensor: the exporter
    may store both under one name.
    """
    if not network.configuration.only_encoders_differ:
        return False
    contents = {name: (value.shape, value.numpy().tobytes()) for name, value in network.state_dict().items()}
    frequency = Counter(contents.values())
    return all(frequency[content] == 1 for name, content in contents.items() if name.startswith("encoders."))
