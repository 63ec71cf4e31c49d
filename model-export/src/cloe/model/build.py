"""A network of any architecture from its configuration."""

from __future__ import annotations

from cloe.model.configuration import NetworkConfiguration
from cloe.model.network import ConsistencyGatedNetwork
from cloe.model.peers.dcseg import DisentanglingNetwork
from cloe.model.peers.hemis import MomentFusionNetwork
from cloe.model.peers.m3ae import SubstitutingNetwork
from cloe.model.peers.rfnet import RegionFusionNetwork

Network = ConsistencyGatedNetwork | MomentFusionNetwork | RegionFusionNetwork | SubstitutingNetwork
"""All take ``(volumes, available)``, and a fixed subset by ``forward_subset``."""

ARCHITECTURES: dict[str, type[Network]] = {
    "cloe": ConsistencyGatedNetwork,
    "rfnet": RegionFusionNetwork,
    "hemis": MomentFusionNetwork,
    "dcseg": DisentanglingNetwork,
    "m3ae": SubstitutingNetwork,
}


def build_network(configuration: NetworkConfiguration) -> Network:
    """Build an untrained network.

    Raises
    ------
    ValueError
        If the architecture is unknown.
    """
    if configuration.architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {configuration.architecture}; known: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[configuration.architecture](configuration)
