"""Steps 1 to 3 of the contract."""

from __future__ import annotations

import numpy as np
import pytest

from cloe.inference.preprocess import crop_and_normalise, widen


def brain_volume(shape=(40, 30, 30), low=(5, 6, 7), high=(35, 26, 25), seed=0) -> np.ndarray:
    random = np.random.default_rng(seed)
    volume = np.zeros(shape, np.float32)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    volume[box] = random.uniform(100.0, 200.0, volume[box].shape)
    return volume


@pytest.mark.parametrize(
    ("low", "high", "window", "size", "expected"),
    [
        (10, 40, 16, 50, (10, 40)),
        (10, 20, 16, 50, (7, 23)),
        (10, 19, 16, 50, (7, 23)),
        (0, 4, 16, 50, (0, 16)),
        (46, 50, 16, 50, (34, 50)),
        (3, 9, 16, 12, (0, 12)),
    ],
)
def test_should_widen_as_the_contract_says_when_the_brain_is_smaller_than_the_window(low, high, window, size, expected):
    assert widen(low, high, window, size) == expected


def test_should_have_zero_mean_and_unit_deviation_in_the_brain_when_normalised():
    volume = brain_volume()
    crop = crop_and_normalise([volume], (16, 16, 16), 5.0)
    assert crop.low == (5, 6, 7)
    assert crop.extent == (30, 20, 18)
    assert crop.volumes.dtype == np.float32
    inside = crop.volumes[0][crop.brain].astype(np.float64)
    assert inside.mean() == pytest.approx(0.0, abs=1e-6)
    assert inside.std() == pytest.approx(1.0, abs=1e-6)


def test_should_be_exactly_zero_outside_the_brain_when_the_window_is_larger_than_the_volume():
    crop = crop_and_normalise([brain_volume((12, 30, 30), (2, 6, 7), (9, 26, 25))], (16, 16, 16), 5.0)
    assert crop.volumes.shape == (1, 16, 20, 18)
    assert crop.low == (0, 6, 7)
    assert crop.extent == (12, 20, 18)
    assert (crop.volumes[0][~crop.brain] == 0.0).all()
    assert not crop.brain[12:].any()


def test_should_use_the_union_of_the_brains_when_volumes_cover_different_voxels():
    first = brain_volume(low=(5, 6, 7), high=(35, 26, 25))
    second = brain_volume(low=(8, 2, 7), high=(38, 20, 25))
    crop = crop_and_normalise([first, second], (16, 16, 16), 5.0)
    assert crop.low == (5, 2, 7)
    assert crop.extent == (33, 24, 18)
    hole = crop.brain & (first[5:38, 2:26, 7:25] == 0)
    expected = (0.0 - first[first + second != 0].mean(dtype=np.float64)) / first[first + second != 0].std(
        dtype=np.float64
    )
    np.testing.assert_allclose(crop.volumes[0][hole], expected, atol=1e-5)


def test_should_count_negative_voxels_as_brain_when_a_volume_has_them():
    volume = brain_volume()
    volume[2, 3, 4] = -5.0
    assert crop_and_normalise([volume], (16, 16, 16), 5.0).low == (2, 3, 4)


def test_should_treat_voxels_as_background_when_they_are_not_finite():
    volume = brain_volume()
    expected = crop_and_normalise([volume], (16, 16, 16), 5.0)
    volume[0, 0, 0], volume[1, 1, 1] = np.nan, np.inf
    found = crop_and_normalise([volume], (16, 16, 16), 5.0)
    np.testing.assert_array_equal(found.volumes, expected.volumes)


def test_should_clip_when_a_voxel_is_extreme():
    volume = brain_volume()
    volume[20, 20, 20] = 1e6
    crop = crop_and_normalise([volume], (16, 16, 16), 5.0)
    assert crop.volumes.max() == 5.0


def test_should_be_zero_when_a_volume_is_constant():
    volume = np.where(brain_volume() != 0, 7.0, 0.0)
    assert (crop_and_normalise([volume], (16, 16, 16), 5.0).volumes == 0.0).all()


def test_should_refuse_when_there_is_no_brain_or_grids_differ():
    with pytest.raises(ValueError, match="nonzero"):
        crop_and_normalise([np.zeros((20, 20, 20), np.float32)], (16, 16, 16), 5.0)
    with pytest.raises(ValueError, match="grid"):
        crop_and_normalise([brain_volume(), brain_volume()[1:]], (16, 16, 16), 5.0)
