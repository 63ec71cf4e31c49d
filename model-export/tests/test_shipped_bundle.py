"""The bundle in the repository: intact, self-consistent and honest about itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloe.export.parity import check_golden, oracle_parity
from cloe.inference.bundle import Bundle
from cloe.specification import BRAIN_GLIOMA, subsets

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
