"""The bundle in the repository: intact, self-consistent and honest about itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cloe.cli.main import main
from cloe.export.parity import check_golden, oracle_parity
from cloe.export.restore import restore_network
from cloe.inference.bundle import Bundle
from cloe.specification import BRAIN_GLIOMA, subsets
from cloe.training.checkpoint import load_checkpoint
from conftest import store_coarse_pool

FOLDER = Path(__file__).resolve().parents[1] / "bundles" / "cloe-w8-demo"


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return Bundle(FOLDER, threads=1)


def test_should_match_every_digest_when_checked_out(shipped):
    shipped.check_files()


def test_should_reproduce_the_golden_window_when_run_here(shipped):
    assert check_golden(shipped) <= shipped.manifest["golden"]["tolerance"] / 10


def test_should_be_the_glioma_model_when_described(shipped):
    assert shipped.specification == BRAIN_GLIOMA
    assert shipped.manifest["notForClinicalUse"] is True
    assert "NOT FOR CLINICAL USE" in (FOLDER / "README.md").read_text()


def test_should_agree_with_the_oracle_and_give_probabilities_when_any_listed_graph_runs(shipped, monkeypatch):
    outputs = {}
    run = shipped.run

    def kept(names, volumes):
        outputs[tuple(names)] = run(names, volumes)
        return outputs[tuple(names)]

    monkeypatch.setattr(shipped, "run", kept)
    rows = oracle_parity(shipped)
    assert [row.subset for row in rows if not row.within(1e-4)] == []
    listed = [tuple(graph["modalities"]) for graph in shipped.manifest["graphs"]]
    assert listed == [tuple(BRAIN_GLIOMA.modalities[i] for i in subset) for subset in subsets(4)]
    assert list(outputs) == listed
    for names, found in outputs.items():
        assert np.isfinite(found["probabilities"]).all()
        np.testing.assert_allclose(found["probabilities"].sum(1), 1.0, atol=1e-4)
        if len(names) > 2:
            assert found["weights"].sum() == pytest.approx(1.0, abs=1e-5)


def test_should_go_on_from_the_bundles_weights_when_a_run_starts_from_it(tmp_path):
    store_coarse_pool(tmp_path / "run" / "pools" / "synthetic", cases=1, spacing=5.0)
    configuration = tmp_path / "fine-tune.toml"
    # One step at rate 0 keeps what was given.
    configuration.write_text(
        "[training]\nsteps = 1\nbatch = 1\nlearning_rate = 0.0\npatch = 16\nlarge_patch = 16\nhalf_precision = false\n"
        '[[data]]\nkind = "synthetic"\ncases = 1\nlabel_maps = false\n[network]\nbase_width = 8\n'
    )
    options = ["--config", str(configuration), "--run", str(tmp_path / "run"), "--initial", str(FOLDER)]
    assert main(["train", *options]) == 0
    expected = restore_network(Bundle(FOLDER)).state_dict()
    for name, value in load_checkpoint(tmp_path / "run" / "checkpoint.pt")["network"].items():
        torch.testing.assert_close(value, expected[name], atol=0, rtol=0)
