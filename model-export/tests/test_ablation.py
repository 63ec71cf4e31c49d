"""A table of variants: read, trained, resumed, written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cloe.cli.main import main
from cloe.evaluation.ablation import read_matrix, run_matrix, score, table
from cloe.evaluation.checks import ABLATION_ROWS, WITHOUT_ECL
from cloe.evaluation.experts import TumourPatch
from cloe.model.build import build_network
from cloe.model.configuration import NetworkConfiguration, NetworkOutput
from cloe.specification import BRAIN_GLIOMA
from cloe.training.checkpoint import load_network
from cloe.training.trainer import train
from conftest import make_volumes, store_coarse_pool

CONFIGS = Path(__file__).parents[1] / "configs"
TINY = """
seeds = [1, 2]
[plan]
steps = 1
batch = 1
patch = 16
large_patch = 16
half_precision = false
[network]
base_width = 4
[rows.full]
[rows.RFNet]
network = { architecture = "rfnet" }
[rows."no ECL"]
weights = { experts = 0.0 }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "matrix.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def pool_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    store_coarse_pool(folder, cases=2, spacing=5.0)
    return folder


@pytest.fixture(scope="module")
def patches():
    truth = np.random.default_rng(0).integers(0, 4, (16, 16, 16)).astype(np.uint8)
    return [TumourPatch(make_volumes()[0].numpy(), truth)]


@pytest.mark.parametrize("file", ["ablation.toml", "ablation-tiny.toml"])
def test_should_hold_every_row_of_the_checks_when_the_shipped_matrix_is_read(file):
    matrix = read_matrix(CONFIGS / file, BRAIN_GLIOMA)
    assert {*ABLATION_ROWS, WITHOUT_ECL} <= set(matrix.rows)
    assert len(matrix.seeds) == 3
    networks = {name: row.network for name, row in matrix.rows.items()}
    assert networks["no gate"].fusion == "scores"
    assert not networks["no MEC"].use_global
    assert not networks["no REC"].use_regional
    assert networks["mean fusion"].fusion == "mean"
    assert matrix.rows["no ECL"].weights.experts == 0.0
    assert not networks["region map unsupervised"].detach_region
    assert matrix.rows["region map unsupervised"].weights.region_supervision == 0.0
    assert matrix.rows["no corruption"].sampling.corruption == 0.0
    assert networks["bias per modality"].modality_bias
    assert matrix.rows["supervised gate"].weights.gate_quality > 0.0
    assert {networks["RFNet"].architecture, networks["U-HeMIS"].architecture} == {"rfnet", "hemis"}
    # But for what its name says, every row is the full one.
    plain = {
        "fusion": "gate",
        "use_global": True,
        "use_regional": True,
        "architecture": "cloe",
        "detach_region": True,
        "modality_bias": False,
    }
    assert {replace(network, **plain) for network in networks.values()} == {networks["full"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[rows.other]\n", "named 'full'"),
        ("seeds = [1, 1]\n[rows.full]\n", "each once"),
        ("[rows.full]\n[rows.x.network]\nfushion = 'mean'\n", "fushion"),
        ("[rows.full]\n[pool]\nseed = 900001\n", "kept for evaluation"),
        ("[rows.full]\n[test]\nseed = 5\n", "trained on"),
    ],
)
def test_should_name_what_is_wrong_when_a_matrix_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_matrix(write(tmp_path, text), BRAIN_GLIOMA)


def test_should_train_every_row_once_when_a_table_is_interrupted_and_resumed(pool_folder, patches, tmp_path):
    matrix = read_matrix(write(tmp_path, TINY), BRAIN_GLIOMA)
    trained = []

    def runner(plan, run):
        if len(trained) == 4:
            raise KeyboardInterrupt
        trained.append(run.name)
        return load_network(train(plan, pool_folder, run))[0]

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_matrix(matrix, BRAIN_GLIOMA, out, runner, patches)
    assert trained == ["full-1", "RFNet-1", "no-ECL-1", "full-2"]
    first = json.loads((out / "results.json").read_text())["rows"]["full"]["runs"]
    trained.clear()
    results = run_matrix(matrix, BRAIN_GLIOMA, out, runner, patches)
    assert trained == ["RFNet-2", "no-ECL-2"]
    assert results["rows"]["full"]["runs"] == first
    assert [run["seed"] for run in results["rows"]["RFNet"]["runs"]] == [1, 2]
    text = (out / "README.md").read_text()
    assert re.search(r"\| no ECL \| 2 \| 0\.\d+ \+- ", text)
    with pytest.raises(ValueError, match="another setting"):
        run_matrix(replace(matrix, seeds=(3,)), BRAIN_GLIOMA, out, runner, patches)


def test_should_average_over_windows_and_subsets_when_a_network_is_scored(patches):
    network = build_network(NetworkConfiguration(base_width=2)).eval()
    found = score(network, BRAIN_GLIOMA, patches)
    assert len(found["perSubset"]) == 15
    assert found["regions"]["WT"] == pytest.approx(np.mean([s["WT"] for s in found["perSubset"].values()]))
    assert found["all"] == pytest.approx(np.mean(list(found["perSubset"]["T1+T1CE+T2+FLAIR"].values())))
    assert found["mean"] == pytest.approx(np.mean(list(found["regions"].values())))


def test_should_tell_what_a_spoilt_modality_weighs_when_a_network_is_scored(patches):
    fixed = score(build_network(NetworkConfiguration(base_width=2, fusion="mean")).eval(), BRAIN_GLIOMA, patches)
    assert fixed["spoiltShare"] == pytest.approx(1.0)
    judged = score(build_network(NetworkConfiguration(base_width=2, fusion="scores")).eval(), BRAIN_GLIOMA, patches)
    assert judged["spoiltShare"] != pytest.approx(1.0, abs=1e-4)
    peer = score(build_network(NetworkConfiguration(base_width=2, architecture="hemis")).eval(), BRAIN_GLIOMA, patches)
    assert peer["spoiltShare"] is None


def test_should_be_hurt_in_one_turn_alone_when_a_network_looks_at_one_modality(patches):
    t1ce = BRAIN_GLIOMA.modalities.index("T1CE")

    class Bright(torch.nn.Module):
        """Calls enhancing what is bright on T1CE, or on the first modality where that is missing."""

        def forward_subset(self, volumes, subset, shortcut):
            bright = volumes[:, subset.index(t1ce) if t1ce in subset else 0] > 1.0
            nothing = torch.zeros_like(bright)
            return NetworkOutput(torch.stack([~bright, nothing, nothing, bright], 1).float())

    volumes = patches[0].volumes
    truth = np.where(volumes[t1ce] > 1.0, 3, 0).astype(np.uint8)
    found = score(Bright(), BRAIN_GLIOMA, [TumourPatch(volumes, truth)])
    assert found["all"] == pytest.approx(1.0)
    assert 0.75 < found["spoilt"] < 0.99
    assert found["spoiltShare"] is None


def test_should_pair_rows_by_seed_when_the_table_is_written():
    def run(seed: int, value: float) -> dict:
        weight = {"spoilt": value / 2, "spoiltShare": 0.8 if seed == 1 else None}
        return {"seed": seed, "mean": value, "all": value, "regions": {"WT": value}, **weight}

    rows = {"full": {"runs": [run(1, 0.5), run(2, 0.7)]}, "no REC": {"runs": [run(2, 0.6)]}}
    text = table({"setting": "trained on x", "rows": rows})
    assert "| full | 2 | 0.600 +- 0.141 | 0.600 +- 0.141 | 0.300 +- 0.071 | 0.800 | - |" in text
    assert "| no REC | 1 | 0.600 | 0.600 | 0.300 | - | -0.100 |" in text


def test_should_refuse_with_a_message_when_the_matrix_is_wrong(tmp_path, capsys):
    path = write(tmp_path, "[rows.other]\n")
    assert main(["ablate", str(path), "--out", str(tmp_path / "o"), "--pool", str(tmp_path / "p")]) == 1
    assert "named 'full'" in capsys.readouterr().err
