from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from cloe.cli.main import main
from cloe.specification import PROSTATE
from cloe.training.checkpoint import load_checkpoint, load_network
from cloe.training.configuration import read_configuration
from cloe.training.mixture import MovingPool, Share, choose
from cloe.training.pool import is_complete
from cloe.training.precision import Precision
from cloe.training.progress import Pace
from makers import fail, make_noise
from test_datasets import write_brats, write_task

CONFIGURATIONS = Path(__file__).resolve().parents[1] / "configs"
TINY = """
[run]
log_every = 1
save_every = 1
[training]
steps = 2
batch = 1
patch = {patch}
large_share = 0.0
half_precision = false
[network]
base_width = 2
"""


def numbers(pool):
    return [int(case.images[0, 0, 0, 0]) - 1 for case in pool]


def test_should_move_on_by_steps_and_not_by_time_when_a_second_process_makes_cases(tmp_path):
    pool = MovingPool(tmp_path, size=2, refresh=3, make=make_noise)
    try:
        assert [numbers(pool.at(step)) for step in (0, 2, 3, 7)] == [[0, 1], [0, 1], [1, 2], [2, 3]]
        assert not is_complete(tmp_path, 0)
    finally:
        pool.close()
    resumed = MovingPool(tmp_path, size=2, refresh=3, make=make_noise)
    try:
        assert numbers(resumed.at(4)) == [1, 2]
    finally:
        resumed.close()


def test_should_fail_and_not_wait_for_ever_when_the_second_process_ends(tmp_path):
    pool = MovingPool(tmp_path, size=1, refresh=1, make=fail)
    with pytest.raises(RuntimeError, match="ended"):
        pool.at(0)
    pool.close()


def test_should_draw_sources_by_their_shares_when_there_are_several():
    class Named:
        def __init__(self, name):
            self.name = name

        def at(self, step):
            return self.name

    shares = [Share(Named("scans"), 3.0), Share(Named("phantoms"), 1.0)]
    drawn = [choose(np.random.default_rng(seed), shares).source.at(0) for seed in range(400)]
    assert 0.68 < drawn.count("scans") / 400 < 0.82


def test_should_train_on_both_when_a_configuration_names_scans_and_phantoms(tmp_path):
    write_brats(tmp_path / "scans", "2023", shape=(16, 16, 16))
    for index in range(2):
        folder = tmp_path / "run" / "pools" / "synthetic"
        folder.mkdir(parents=True, exist_ok=True)
        make_noise(folder, index)
    path = tmp_path / "both.toml"
    path.write_text(
        TINY.format(patch=16)
        + '[[data]]\nkind = "brats"\nfolder = "scans"\nshare = 2.0\n[[data]]\nkind = "synthetic"\ncases = 2\n'
    )
    assert main(["train", "--config", str(path), "--run", str(tmp_path / "run")]) == 0
    content = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert content["step"] == 2
    assert content["poolCases"] == 3
    assert content["about"]["data"] == ["labelled scans in BraTS layout", "2 synthetic studies of seed 20261"]
    assert str(tmp_path) not in str(content["about"])
    rows = list(csv.reader((tmp_path / "run" / "log.csv").open()))
    assert [row[0] for row in rows] == ["step", "1", "2"]


def test_should_train_two_modalities_when_the_task_is_the_prostate(tmp_path):
    (tmp_path / "task").mkdir()
    write_task(tmp_path / "task")
    path = tmp_path / "prostate.toml"
    text = 'task = "prostate-zones"\n' + TINY.format(patch="[8, 16, 16]")
    path.write_text(text + '[[data]]\nkind = "msd"\nfolder = "task"\n')
    assert main(["train", "--config", str(path), "--run", str(tmp_path / "run")]) == 0
    network, content = load_network(tmp_path / "run" / "checkpoint.pt")
    assert (network.configuration.modalities, network.configuration.classes) == (2, 3)
    assert content["about"]["family"] == PROSTATE.family


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('task = "knee"', "knee"),
        ("[training]\nstep = 3", "step"),
        ("[training]\nsteps = true", "wrong type"),
        ('[training]\nsteps = "many"', "no number"),
        ("[network]\nclasses = 7", "classes"),
        ('[network]\nfusion = "median"', "median"),
        ('[[data]]\nkind = "tape"', "tape"),
        ('[[data]]\nkind = "brats"\nfolder = "nowhere"', "folder"),
        ('[[data]]\nkind = "synthetic"\nseed = 900000', "evaluation"),
        ('task = "prostate-zones"\n[[data]]\nkind = "synthetic"', "brain-glioma"),
        ('[[data]]\nkind = "synthetic"\n[[data]]\nkind = "synthetic"', "same name"),
        ('[[data]]\nkind = "synthetic"\npatch = [16, 20, 16]', "multiples of 8"),
        ('[[data]]\nkind = "synthetic"\npatch = [16, 16]', "multiples of 8"),
        ('[[data]]\nkind = "synthetic"\npatch = 16', "multiples of 8"),
        ("[sampling]\nstretch = 1.0", "stretch"),
        ("steps == 3", "toml"),
    ],
)
def test_should_say_what_is_wrong_when_a_configuration_is_refused(tmp_path, text, message):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_configuration(path)


@pytest.mark.parametrize(
    "name", sorted(path.name for path in CONFIGURATIONS.glob("*.toml") if not path.name.startswith("ablation"))
)
def test_should_be_readable_when_it_ships_with_the_package(tmp_path, name):
    text = (CONFIGURATIONS / name).read_text()
    for folder in ("BraTS2020_TrainingData", "scans", "Task05_Prostate"):
        (tmp_path / folder).mkdir()
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / name
    path.write_text(text)
    configuration = read_configuration(path)
    assert configuration.plan.steps > 0
    assert configuration.plan.network.modalities == len(configuration.specification.modalities)


def test_should_state_the_papers_schedule_when_the_papers_configuration_is_read(tmp_path):
    (tmp_path / "BraTS2020_TrainingData").mkdir()
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / "brats-paper.toml"
    path.write_text((CONFIGURATIONS / "brats-paper.toml").read_text())
    plan = read_configuration(path).plan
    assert plan.steps == 500 * 219
    assert (plan.batch, plan.patch, plan.learning_rate, plan.weight_decay) == (1, 112, 2e-4, 1e-4)
    assert plan.network.base_width == 16
    assert plan.sampling.corruption == 0.0


def test_should_follow_the_newest_pace_when_time_left_is_told():
    now = iter([0.0, 10.0, 10.0 + 40.0])
    pace = Pace(0, 1000, lambda: next(now))
    pace.reached(10)
    assert pace.seconds_per_step == pytest.approx(1.0)
    pace.reached(20)
    assert pace.seconds_per_step == pytest.approx(1.9)
    assert pace.left == "31 min"


def test_should_choose_what_the_device_has_when_half_precision_is_wanted(monkeypatch):
    assert Precision.of("cpu", False).name == "float32"
    for capable, name in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr("cloe.training.precision.cpu_has_bfloat16", lambda capable=capable: capable)
        assert Precision.of("cpu", True).name == name
    for capable, name in ((True, "bfloat16"), (False, "float16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda capable=capable: capable)
        monkeypatch.setattr(torch.amp, "GradScaler", lambda device: None)
        assert Precision.of("cuda:0", True).name == name


def test_should_read_the_label_maps_once_when_a_process_makes_cases(tmp_path, monkeypatch):
    from cloe.training import pool

    loads = []
    monkeypatch.setattr(pool, "_anatomies", [])
    monkeypatch.setattr(pool, "load_shared_anatomies", lambda use: loads.append(use) or ["anatomy"])
    monkeypatch.setattr(pool, "_store_case", lambda job: None)
    for index in range(2):
        partial(pool.make_pool_case, seed=1, use_label_maps=True)(tmp_path, index)
    assert loads == [True]
