"""Steps 4 and 5 of the contract."""

from __future__ import annotations

import numpy as np
import pytest

from cloe.inference.windows import WindowScores, starts, summarise, windows


@pytest.mark.parametrize(
    ("size", "expected"),
    [(64, [0]), (65, [0, 1]), (96, [0, 32]), (100, [0, 32, 36]), (134, [0, 32, 64, 70]), (128, [0, 32, 64])],
)
def test_should_start_where_the_contract_says_when_windows_overlap_by_half(size, expected):
    assert starts(size, 64, 0.5) == expected


def test_should_refuse_when_an_axis_is_shorter_than_the_window():
    with pytest.raises(ValueError, match="window"):
        starts(63, 64, 0.5)


def test_should_cover_every_voxel_with_x_innermost_when_a_crop_is_cut():
    covered = np.zeros((20, 16, 30), int)
    places = list(windows(covered.shape, (16, 16, 16), 0.5))
    for place in places:
        covered[place] += 1
    assert covered.min() >= 1
    assert [(z.start, y.start, x.start) for z, y, x in places] == [
        (0, 0, 0),
        (0, 0, 8),
        (0, 0, 14),
        (4, 0, 0),
        (4, 0, 8),
        (4, 0, 14),
    ]


def scores(mass: float, *weights: float) -> WindowScores:
    values = np.array(weights, np.float32)
    return WindowScores(mass, values, values / 2, values / 4)


def test_should_weigh_windows_by_foreground_when_a_study_is_summarised():
    summary = summarise([scores(3.0, 0.2, 0.8), scores(1.0, 0.6, 0.4)])
    assert summary.weights.tolist() == pytest.approx([0.3, 0.7])
    assert summary.consistency_global.tolist() == pytest.approx([0.15, 0.35])
    assert summary.consistency_regional.tolist() == pytest.approx([0.075, 0.175])
    spread = np.sqrt((3 * 0.1**2 + 0.3**2) / 4)
    assert summary.spread.tolist() == pytest.approx([spread, spread])


def test_should_take_the_plain_mean_when_there_is_no_foreground():
    summary = summarise([scores(1e-8, 0.2, 0.8), scores(0.0, 0.6, 0.4)])
    assert summary.weights.tolist() == pytest.approx([0.4, 0.6])
