"""The gate fitted to what experts are worth."""

from __future__ import annotations

import pytest
import torch

from cloe.cli.main import main
from cloe.model.gate import Gate, masked_softmax
from cloe.model.losses import QUALITY_TEMPERATURE, quality_divergence
from cloe.training.checkpoint import load_checkpoint
from cloe.training.gate_fit import Judgements, fit
from conftest import store_coarse_pool

CONFIGURATION = """
[training]
steps = 1
batch = 1
patch = 16
large_patch = 16
half_precision = false
[network]
base_width = 4
[sampling]
tumour = 1.0
[[data]]
kind = "synthetic"
cases = 2
label_maps = false
"""


def judgements(count: int = 400) -> Judgements:
    """Experts whose scores tell their worth, some of them spoilt, some rows without the last modality."""
    draw = torch.Generator().manual_seed(3)
    dice = 0.6 + 0.3 * torch.rand(count, 4, generator=draw)
    spoilt = torch.randint(0, 3, (count,), generator=draw)
    dice[torch.arange(count), spoilt] *= 0.1
    present = torch.ones(count, 4, dtype=torch.bool)
    present[::3, 3] = False
    return Judgements(0.9 + 0.1 * dice, dice, dice, present)


def test_should_draw_the_weight_from_spoilt_experts_when_their_scores_show_it():
    torch.manual_seed(0)
    found = judgements()
    gate = Gate()
    equal = float(quality_divergence(found.present / found.present.sum(1, keepdim=True), found.dice).mean())
    left = fit(gate, found, steps=300)
    weights = masked_softmax(gate(found.score_global, found.score_regional), found.present)
    wanted = torch.softmax(torch.where(found.present, found.dice / QUALITY_TEMPERATURE, -torch.inf), 1)
    assert left < 0.1 * equal
    torch.testing.assert_close(weights, wanted, atol=0.1, rtol=0.0)


def test_should_take_more_weight_from_spoilt_experts_when_the_temperature_is_lower():
    found = judgements()
    spoilt = found.present & (found.dice < 0.2)
    weights = []
    for temperature in (0.4, 0.2):
        torch.manual_seed(0)
        gate = Gate()
        fit(gate, found, steps=300, temperature=temperature)
        with torch.no_grad():
            given = masked_softmax(gate(found.score_global, found.score_regional), found.present)
        weights.append(float(given[spoilt].mean()))
    assert weights[1] < 0.7 * weights[0]


@pytest.mark.parametrize("seed", [0, 1])
def test_should_rise_with_either_score_when_the_judgements_say_otherwise(seed):
    torch.manual_seed(seed)
    found = judgements()
    # Regional consistency that falls where experts are good.
    contrary = Judgements(found.score_global, 1.0 - found.dice, found.dice, found.present)
    gate = Gate()
    fit(gate, contrary, steps=300)
    axis = torch.linspace(0.0, 1.0, 21)
    values = gate(*torch.meshgrid(axis, axis, indexing="ij")).detach()
    assert float((values[1:] - values[:-1]).min()) > -0.05
    assert float((values[:, 1:] - values[:, :-1]).min()) > -0.05


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one step on two coarse studies."""
    folder = tmp_path_factory.mktemp("gate")
    store_coarse_pool(folder / "run" / "pools" / "synthetic", cases=2, spacing=5.0)
    (folder / "gate.toml").write_text(CONFIGURATION)
    assert main(["train", "--config", str(folder / "gate.toml"), "--run", str(folder / "run")]) == 0
    return folder


def test_should_change_nothing_but_the_gate_when_it_is_fitted(run):
    out = run / "fitted" / "checkpoint.pt"
    options = ["--config", str(run / "gate.toml"), "--run", str(run / "run"), "--out", str(out), "--patches", "3"]
    assert main(["fit-gate", *options]) == 0
    before, after = load_checkpoint(run / "run" / "checkpoint.pt"), load_checkpoint(out)
    changed = {name for name, value in after["averaged"].items() if not torch.equal(value, before["averaged"][name])}
    assert changed
    assert all(name.startswith("gate.") for name in changed)
    assert after["about"]["gate"] == "fitted to the experts' Dice in 3 patches, temperature 0.4"


def test_should_refuse_when_the_network_has_no_gate(run, capsys):
    text = CONFIGURATION.replace("base_width = 4", 'base_width = 4\nfusion = "mean"')
    (run / "mean.toml").write_text(text)
    options = ["--config", str(run / "mean.toml"), "--run", str(run / "run"), "--out", str(run / "none.pt")]
    assert main(["fit-gate", *options]) != 0
    assert "no gate" in capsys.readouterr().err


def test_should_refuse_when_the_temperature_is_not_positive(run, capsys):
    options = ["--config", str(run / "gate.toml"), "--run", str(run / "run"), "--out", str(run / "none.pt")]
    assert main(["fit-gate", *options, "--temperature", "0"]) != 0
    assert "--temperature" in capsys.readouterr().err
