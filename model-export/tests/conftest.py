from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cloe.data_folder import ABSENT, data_folder
from cloe.export.bundle import BundleDescription, write_bundle
from cloe.inference.bundle import Bundle
from cloe.model.network import ConsistencyGatedNetwork, NetworkConfiguration
from cloe.specification import BRAIN_GLIOMA
from cloe.training.pool import build_pool

TINY_WINDOW = (16, 16, 16)


def pytest_collection_modifyitems(items):
    """Keep a file's tests on one process, and all files with the tiny bundle on the same: making it takes long."""
    with_bundle = {item.path for item in items if "tiny_bundle_folder" in item.fixturenames}
    for item in items:
        item.add_marker(pytest.mark.xdist_group("tiny-bundle" if item.path in with_bundle else item.path.stem))


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


def make_network(seed: int = 0, **changes) -> ConsistencyGatedNetwork:
    """Build a tiny network whose gate is not the uniform one that training starts from."""
    torch.manual_seed(seed)
    network = ConsistencyGatedNetwork(NetworkConfiguration(**{"base_width": 2, **changes}))
    with torch.no_grad():
        network.gate.second.weight.normal_(0.0, 0.5)
        # Sharper heads make the experts differ: agreement near 1 would hide errors.
        network.expert_decoder.head.weight.mul_(3.0)
    return network.eval()


def make_volumes(batch: int = 1, modalities: int = 4, size: int = 16, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, modalities, size, size, size, generator=generator)


def store_coarse_pool(folder: Path, cases: int, spacing: float) -> None:
    """Store synthetic studies with large voxels (mm), which are made in a moment."""
    build_pool(folder, cases, 7, use_label_maps=False, processes=1, spacing=spacing)


@pytest.fixture(scope="session")
def tiny_network() -> ConsistencyGatedNetwork:
    return make_network(seed=5)


@pytest.fixture(scope="session")
def tiny_bundle_folder(tmp_path_factory, tiny_network) -> Path:
    folder = tmp_path_factory.mktemp("tiny-bundle")
    description = BundleDescription(BRAIN_GLIOMA, identifier="tiny", version="0.0.1", window=TINY_WINDOW)
    write_bundle(tiny_network, folder, description)
    return folder


@pytest.fixture
def tiny_bundle(tiny_bundle_folder) -> Bundle:
    return Bundle(tiny_bundle_folder, threads=1)


@pytest.fixture(scope="session")
def shared_data():
    def find(name: str) -> Path:
        folder = data_folder(name)
        if folder is None:
            pytest.skip(ABSENT)
        return folder

    return find
