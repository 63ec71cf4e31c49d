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
from cloe.export.operators import use_fast_operators
from cloe.model.blocks import drop_cancelled_biases
from cloe.model.build import Network

OPSET = 20
SHORTCUT_SIZE = 2
"""Up to this many modalities the weights are 1/k by symmetry and the graph has no experts and no gate."""

WHOLE_CROP_OUTPUTS = ("labels", "foreground")

GATE_OUTPUTS = ("weights", "consistency_global", "consistency_regional")


class SubsetGraph(nn.Module):
    """The network on a fixed subset, as a function of tensors only."""

    def __init__(self, network: Network, subset: Sequence[int], shortcut: bool = True) -> None:
        super().__init__()
        self.network = network
        self.subset = tuple(subset)
        self.shortcut = shortcut

    def forward(self, volumes: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Map ``[1, k, z, y, x]`` to probabilities; unless the shortcut serves, also to the gate's outputs."""
        output = self.network.forward_subset(volumes, self.subset, self.shortcut)
        if output.consistency_global is None:
            return output.probabilities
        return output.probabilities, output.weights, output.consistency_global, output.consistency_regional


class WholeCropGraph(nn.Module):
    """The network on a fixed subset of a whole crop: labels instead of probabilities, for nothing overlaps."""

    def __init__(self, network: Network, subset: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.subset = tuple(subset)

    def forward(self, volumes: Tensor) -> tuple[Tensor, ...]:
        """Map ``[1, k, z, y, x]`` to uint8 class channels ``[1, z, y, x]``, foreground ``[1]`` and the gate's outputs.

        Foreground is the sum of one minus the background's probability: not a number if any probability is not, which
        a label cannot show.
        """
        output = self.network.forward_subset(volumes, self.subset, shortcut=True)
        probabilities = output.probabilities
        labels = probabilities.argmax(1).to(torch.uint8)
        # Class by class and row by row: partial sums stay small.
        foreground = probabilities[:, 1:].sum(-1).sum(-1).sum(-1).sum(-1)
        if output.consistency_global is None:
            return labels, foreground
        return labels, foreground, output.weights, output.consistency_global, output.consistency_regional


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
    """A copy for export: evaluation mode, exact statistics, no biases that they cancel, operators that run fast."""
    prepared = copy.deepcopy(network).eval()
    drop_cancelled_biases(prepared)
    sum_row_by_row(prepared)
    use_fast_operators(prepared)
    return prepared.requires_grad_(False)


def subset_graph(network: Network, subset: Sequence[int], window: Sequence[int]) -> onnx.ModelProto:
    """Export one subset; ``network`` comes from :func:`prepare`, ``window`` is (z, y, x) voxels."""
    outputs = ["probabilities", *(GATE_OUTPUTS if gate_of(network, len(subset)) == "computed" else ())]
    example = (torch.zeros(1, len(subset), *window),)
    return _export(SubsetGraph(network, subset), example, ["volumes"], outputs)


def pair_graph(network: Network, subset: Sequence[int], window: Sequence[int]) -> onnx.ModelProto:
    """Export two modalities with their experts: the weights stay 1/2, but the consistency is known."""
    example = (torch.zeros(1, len(subset), *window),)
    outputs = ["probabilities", *GATE_OUTPUTS]
    return _export(SubsetGraph(network, subset, shortcut=False), example, ["volumes"], outputs)


def whole_crop_graph(network: Network, subset: Sequence[int], shape: Sequence[int]) -> onnx.ModelProto:
    """Export one subset for crops of up to this shape, (z, y, x) voxels."""
    outputs = [*WHOLE_CROP_OUTPUTS, *(GATE_OUTPUTS if gate_of(network, len(subset)) == "computed" else ())]
    example = (torch.zeros(1, len(subset), *shape),)
    return _export(WholeCropGraph(network, subset), example, ["volumes"], outputs)


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
