"""Writes the model bundle `prostate-untrained`: a second model family for the tests, with two modalities.

    python make_prostate_bundle.py        needs the package `cloe` of model-export; same bytes with the same versions

It comes from the same exporter as the shipped bundle, but its network was never trained: it segments nothing.
"""

from pathlib import Path

import torch

from cloe.export.bundle import BundleDescription, write_bundle
from cloe.model.network import ConsistencyGatedNetwork, NetworkConfiguration
from cloe.specification import SegmentationClass, Specification

PROSTATE = Specification(
    family="prostate",
    modalities=("T2", "ADC"),
    classes=(
        SegmentationClass("BACKGROUND", 0),
        SegmentationClass("GLAND", 1),
        SegmentationClass("LESION", 5),
    ),
    regions={"PROSTATE": ("GLAND", "LESION"), "LESION": ("LESION",)},
    label_scheme="test-prostate",
)


def main() -> None:
    """Write the bundle beside this file."""
    torch.manual_seed(20261123)
    network = ConsistencyGatedNetwork(NetworkConfiguration(modalities=2, classes=3, base_width=2)).eval()
    description = BundleDescription(
        PROSTATE,
        identifier="prostate-untrained",
        version="0.0.1",
        window=(32, 32, 32),
        training={"notes": ["Random weights, for tests of two model families side by side. It segments nothing."]},
    )
    write_bundle(network, Path(__file__).parent / "prostate-untrained", description)


if __name__ == "__main__":
    main()
