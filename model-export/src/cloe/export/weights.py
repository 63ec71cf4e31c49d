"""One file with every trained tensor, shared by all graphs (ONNX external data)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import onnx
from onnx.external_data_helper import set_external_data

SIZE_THRESHOLD = 1024
"""Bytes from which a tensor moves to the shared file. Small constants must stay inside: shape inference reads them."""

ALIGNMENT = 64
TRAINED_PREFIX = "network."


def share_weights(models: Iterable[onnx.ModelProto], location: str) -> bytes:
    """Move the large tensors of several graphs into one block, each stored once.

    Parameters
    ----------
    models
        Changed in place: their large tensors refer to the block afterwards.
    location
        File name that the graphs refer to, relative to their own folder.

    Returns
    -------
    bytes
        The block; the same models give the same bytes.

    Raises
    ------
    ValueError
        If one name stands for different values in two graphs.
    """
    models = list(models)
    tensors: dict[str, bytes] = {}
    for model in models:
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) >= SIZE_THRESHOLD:
                _name_by_content(model, tensor)
        _drop_repeated(model)
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) < SIZE_THRESHOLD:
                continue
            if tensors.setdefault(tensor.name, tensor.raw_data) != tensor.raw_data:
                raise ValueError(f"{tensor.name} differs between graphs")
    block = bytearray()
    offsets = {}
    for name in sorted(tensors):
        block += b"\0" * (-len(block) % ALIGNMENT)
        offsets[name] = len(block)
        block += tensors[name]
    for model in models:
        for tensor in model.graph.initializer:
            if tensor.name in offsets:
                length = len(tensor.raw_data)
                set_external_data(tensor, location, offsets[tensor.name], length)
                tensor.ClearField("raw_data")
                tensor.data_location = onnx.TensorProto.EXTERNAL
    return bytes(block)


def _name_by_content(model: onnx.ModelProto, tensor: onnx.TensorProto) -> None:
    """Name the exporter's own constants by content: their running numbers differ from graph to graph."""
    if tensor.name.startswith(TRAINED_PREFIX):
        return
    old, new = tensor.name, "constant." + hashlib.sha256(tensor.raw_data).hexdigest()[:16]
    tensor.name = new
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == old:
                node.input[index] = new


def _drop_repeated(model: onnx.ModelProto) -> None:
    """Keep one of the constants that have the same content, and with it the same name."""
    seen: set[str] = set()
    for index in range(len(model.graph.initializer) - 1, -1, -1):
        tensor = model.graph.initializer[index]
        if tensor.name in seen and not tensor.name.startswith(TRAINED_PREFIX):
            del model.graph.initializer[index]
        seen.add(tensor.name)
