"""Graphs that are made from the trace of another subset."""

from __future__ import annotations

import onnx
import pytest
import torch

from cloe.export.graphs import prepare, subset_graph
from cloe.export.traces import SharedTraces, encoders_are_interchangeable
from cloe.model.build import build_network
from cloe.model.configuration import NetworkConfiguration
from cloe.specification import subsets
from conftest import TINY_WINDOW, make_network


def count_traces(network) -> list[tuple[int, ...]]:
    """The subsets that are traced when every subset's graph is asked for in two shapes, each twice."""
    traced = []

    def exporter(network, subset, shape):
        traced.append((*subset, *shape))
        return onnx.ModelProto()

    traces = SharedTraces(prepare(network))
    for _ in range(2):
        for subset in subsets(4):
            for shape in (TINY_WINDOW, (24, 24, 32)):
                traces.graph(exporter, subset, shape)
    return traced


def test_should_equal_its_own_trace_to_the_byte_when_it_was_made_from_anothers(tiny_network):
    # The two traces also show that an export which is repeated gives the same bytes.
    prepared = prepare(tiny_network)
    traces = SharedTraces(prepared)
    traces.graph(subset_graph, (0, 1), TINY_WINDOW)
    made, own = traces.graph(subset_graph, (1, 3), TINY_WINDOW), subset_graph(prepared, (1, 3), TINY_WINDOW)
    assert made.SerializeToString(deterministic=True) == own.SerializeToString(deterministic=True)


def test_should_trace_each_size_and_shape_once_when_only_encoders_differ(tiny_network):
    assert len(count_traces(tiny_network)) == 4 * 2


def test_should_trace_every_time_when_other_parts_know_the_modalities():
    assert len(count_traces(make_network(modality_bias=True))) == 15 * 2 * 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"architecture": "hemis"}, True),
        ({"architecture": "rfnet"}, False),
        ({"modality_bias": True}, False),
    ],
)
def test_should_be_interchangeable_when_nothing_but_encoders_tells_modalities_apart(changes, expected):
    network = prepare(build_network(NetworkConfiguration(base_width=4, **changes)))
    assert encoders_are_interchangeable(network) == expected


def test_should_not_be_interchangeable_when_encoders_share_a_tensor(tiny_network):
    network = prepare(tiny_network)
    first, second = (encoder.levels[1].first.convolution for encoder in network.encoders[:2])
    with torch.no_grad():
        second.weight.copy_(first.weight)
    assert not encoders_are_interchangeable(network)
