"""Static ONNX graphs: one per subset of the modalities, and one with a mask as test oracle."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Sequence

import onnx
import torch
from torch import Tensor, nn

from cloe.export.normalisation import sum_row_by_row
from cloe.model.blocks import drop_cancelled_biases
from cloe.model.build import Network

OPSET = 20
SHORTCUT_SIZE = 2
"""Up to this many modalities the weights are 1/k by symmetry and the graph has no experts and no gate."""

GATE_OUTPUTS = ("weights", "consistency_global", "consistency_regional")


class SubsetGraph(nn.Module):
    """The network on a fixed subset, as a function of tensors only."""

    def __init__(self, network: Network, subset: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.subset = tuple(subset)

    def forward(self, volumes: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Map ``[1, k, z, y, x]`` to probabilities, with three or more modalities also to the gate's outputs."""
        output = self.network.forward_subset(volumes, self.subset, shortcut=True)
        if output.consistency_global is None:
            return output.probabilities
        return output.probabilities, output.weights, output.consistency_global, output.consistency_regional


class MaskedGraph(nn.Module):
    """The network with all modalities and a float mask."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, volumes: Tensor, available: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Map ``[1, K, z, y, x]`` and ``[1, K]`` (1 available, 0 missing) to probabilities and gate outputs."""
        output = self.network(volumes, available > 0.5)
        if output.weights is None:
            return output.probabilities
        return output.probabilities, output.weights, output.consistency_global, output.consistency_regional


def prepare(network: Network) -> Network:
    """A copy for export: evaluation mode, statistics summed row by row, without the biases that they cancel."""
    prepared = copy.deepcopy(network).eval()
    drop_cancelled_biases(prepared)
    sum_row_by_row(prepared)
    return prepared.requires_grad_(False)


def subset_graph(network: Network, subset: Sequence[int], window: Sequence[int]) -> onnx.ModelProto:
    """Export one subset; ``network`` comes from :func:`prepare`, ``window`` is (z, y, x) voxels."""
    outputs = ["probabilities", *(GATE_OUTPUTS if gate_of(network, len(subset)) == "computed" else ())]
    example = (torch.zeros(1, len(subset), *window),)
    return _export(SubsetGraph(network, subset), example, ["volumes"], outputs)


def masked_graph(network: Network, window: Sequence[int]) -> onnx.ModelProto:
    """Export the oracle."""
    count = network.configuration.modalities
    example = (torch.zeros(1, count, *window), torch.ones(1, count))
    outputs = ["probabilities", *(GATE_OUTPUTS if network.configuration.has_gate else ())]
    return _export(MaskedGraph(network), example, ["volumes", "available"], outputs)


def gate_of(network: Network, count: int) -> str:
    """Where the weights of so many modalities come from, in the manifest's words: ``none``, ``fixed``, ``computed``."""
    if not network.configuration.has_gate:
        return "none"
    return "computed" if count > SHORTCUT_SIZE else "fixed"


def _export(module: nn.Module, example: tuple[Tensor, ...], inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
            verbose=False,
        )
    return _cleaned(program.model_proto)


def _cleaned(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what only describes how the graph came about: it names source files and changes between runs."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = ""
    model.graph.doc_string = ""
    model.graph.name = "cloe"
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""
    return model
