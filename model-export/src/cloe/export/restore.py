"""The PyTorch network back from a bundle: its oracle graph holds every trained tensor by name."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.external_data_helper import load_external_data_for_model

from cloe.export.weights import TRAINED_PREFIX
from cloe.inference.bundle import ORACLE, WEIGHTS, Bundle, BundleError
from cloe.model.network import ConsistencyGatedNetwork, NetworkConfiguration

CANCELLED = ".convolution.bias"
"""Ending of the parameters that export drops, since the following normalisation cancels them."""


def restore_network(bundle: Bundle) -> ConsistencyGatedNetwork:
    """Rebuild the network of a float32 bundle, in evaluation mode.

    Raises
    ------
    BundleError
        If the bundle has no oracle, is in half precision, or lacks a tensor.
    """
    if bundle.gate(bundle.specification.modalities) == "none":
        raise BundleError("the model has no gate and no experts to look at")
    path = bundle.folder / ORACLE
    if not path.exists():
        raise BundleError("the bundle has no oracle graph, from which the network could be rebuilt")
    model = onnx.load(path, load_external_data=False)
    load_external_data_for_model(model, str((bundle.folder / WEIGHTS).parent))
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found = {
        name.removeprefix(TRAINED_PREFIX): value for name, value in tensors.items() if name.startswith(TRAINED_PREFIX)
    }
    found |= _transposed(model.graph, tensors)
    network = ConsistencyGatedNetwork(_configuration(bundle, found))
    state = network.state_dict()
    for name, value in state.items():
        if name in found:
            if found[name].dtype != np.float32:
                raise BundleError("the bundle is in half precision: take the one in full precision")
            state[name] = torch.from_numpy(found[name].copy()).reshape(value.shape)
        elif name.endswith(CANCELLED):
            state[name] = torch.zeros_like(value)
        elif not name.startswith(_unused(network.configuration)):
            raise BundleError(f"the oracle graph lacks {name}")
    network.load_state_dict(state)
    return network.eval()


def _unused(configuration: NetworkConfiguration) -> tuple[str, ...]:
    """Parts that the graphs of an ablation leave out."""
    return () if configuration.fusion == "gate" else ("gate.",)


def _transposed(graph: onnx.GraphProto, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights of linear layers, which the exporter turns over and renames: they come just before their named bias."""
    producers = {output: node for node in graph.node for output in node.output}
    found = {}
    for node in graph.node:
        for bias in node.input:
            if not (bias.startswith(TRAINED_PREFIX) and bias.endswith(".bias")):
                continue
            name = bias.removeprefix(TRAINED_PREFIX).removesuffix("bias") + "weight"
            if node.op_type == "Add":
                other = next(value for value in node.input if value != bias)
                product = producers.get(other)
                if product is not None and product.op_type == "MatMul" and product.input[1] in tensors:
                    found[name] = tensors[product.input[1]].T
            elif node.op_type == "Gemm" and node.input[1] in tensors:
                turned = any(entry.name == "transB" and entry.i for entry in node.attribute)
                weight = tensors[node.input[1]]
                found[name] = weight if turned else weight.T
    return found


def _configuration(bundle: Bundle, found: dict[str, np.ndarray]) -> NetworkConfiguration:
    known = {field.name for field in fields(NetworkConfiguration)}
    stated = bundle.manifest["training"].get("network", {})
    sizes = {
        "modalities": len(bundle.specification.modalities),
        "classes": len(bundle.specification.classes),
        "base_width": int(found["encoders.0.levels.0.entry.convolution.weight"].shape[0]),
    }
    return NetworkConfiguration(**{**{k: v for k, v in stated.items() if k in known}, **sizes})
