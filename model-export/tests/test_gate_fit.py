"""The gate fitted to what experts are worth."""

from __future__ import annotations

import pytest
import torch

from cloe.model.gate import Gate, masked_softmax
from cloe.model.losses import QUALITY_TEMPERATURE
from cloe.training.gate_fit import Judgements, fit


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
    found = judgements()
    gate = Gate()
    left = fit(gate, found, steps=300)
    weights = masked_softmax(gate(found.score_global, found.score_regional), found.present)
    wanted = torch.softmax(torch.where(found.present, found.dice / QUALITY_TEMPERATURE, -torch.inf), 1)
    assert left < 0.01
    torch.testing.assert_close(weights, wanted, atol=0.08, rtol=0.0)


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
