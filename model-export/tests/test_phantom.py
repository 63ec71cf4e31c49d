from __future__ import annotations

import nibabel
import numpy as np
import pytest

from cloe.phantom.anatomy import Anatomy, load_label_map, procedural_anatomy
from cloe.phantom.case import make_case
from cloe.phantom.contrast import CONTRASTS
from cloe.phantom.noise import coordinates, sample_nearest, smooth_noise
from cloe.phantom.separability import REAL_SEPARABILITY, area_under_curve, separability
from cloe.phantom.tissue import Tissue
from cloe.phantom.tumour import grow_tumour, push_aside, spread_along_white_matter
from cloe.phantom.writer import write_case

SPACING = 3.0


@pytest.fixture(scope="module")
def cases():
    anatomy = [procedural_anatomy(np.random.default_rng(seed), 2.0) for seed in range(4)]
    return [make_case((41, index), 2.5, anatomy, procedural_share=0.0) for index in range(40)]


def test_should_be_the_same_study_when_the_seed_is_the_same():
    first, second, other = (make_case((3, index), SPACING) for index in (1, 1, 2))
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert not np.array_equal(first.images, other.images)


def test_should_share_one_brain_mask_and_fit_int16_when_a_case_is_made(cases):
    for case in cases[:5]:
        brain = case.tissue != Tissue.OUTSIDE
        assert case.images.dtype == np.int16
        for image in case.images:
            np.testing.assert_array_equal(image != 0, brain)
        assert not (case.labels[~brain] != 0).any()


def test_should_vary_in_kind_when_many_tumours_grow():
    healthy = np.full((24, 24, 24), Tissue.WHITE, np.uint8)
    grown = [grow_tumour(np.random.default_rng(seed), healthy, 5.0) for seed in range(120)]
    kinds = {name for _, description in grown for name in description.split("+")}
    assert kinds == {"none", "ring", "solid", "patchy", "non-enhancing"}
    assert any("+" in description for _, description in grown)
    for tissue, description in grown:
        if description == "none":
            np.testing.assert_array_equal(tissue, healthy)
        if description == "non-enhancing":
            assert (tissue == Tissue.NECROSIS).any()
            assert not (tissue == Tissue.ENHANCING).any()


def test_should_make_tumours_of_realistic_size_when_many_cases_are_made(cases):
    volumes = [np.count_nonzero(case.labels) * case.spacing**3 / 1000.0 for case in cases if case.labels.any()]
    assert 30.0 < np.median(volumes) < 200.0


def test_should_not_change_the_healthy_map_when_a_tumour_grows():
    healthy = procedural_anatomy(np.random.default_rng(0), SPACING).tissue
    before = healthy.copy()
    grown, _ = grow_tumour(np.random.default_rng(3), healthy, SPACING)
    np.testing.assert_array_equal(healthy, before)
    assert ((grown == 0) == (healthy == 0)).all()


def test_should_hold_every_tissue_in_plausible_amounts_when_an_anatomy_is_procedural():
    anatomy = procedural_anatomy(np.random.default_rng(1), 2.0)
    millilitres = np.bincount(anatomy.tissue.ravel(), minlength=5) * 8.0 / 1000.0
    assert 1000.0 < millilitres[1:].sum() < 1900.0
    assert 250.0 < millilitres[Tissue.GREY] < 1000.0
    assert 250.0 < millilitres[Tissue.WHITE] < 900.0
    assert 10.0 < millilitres[Tissue.DEEP_GREY] < 120.0
    assert 20.0 < millilitres[Tissue.CSF] < 400.0


@pytest.fixture(scope="module")
def found_separability(cases):
    return separability(cases)


@pytest.mark.parametrize(
    ("pair", "contrast"), [("ED / healthy", "FLAIR"), ("ET / ED", "T1CE"), ("ET / NCR", "T1CE"), ("NCR / ED", "T2")]
)
def test_should_keep_what_only_one_contrast_shows_when_classes_are_separated(found_separability, pair, contrast):
    row = found_separability[pair]
    column = CONTRASTS.index(contrast)
    assert row[column] > REAL_SEPARABILITY[pair][column] - 0.1
    assert np.argmax(np.abs(row - 0.5)) == column


def test_should_stay_within_a_tenth_of_every_real_cell_when_classes_are_separated(found_separability):
    assert cells_off(found_separability) == {}


def test_should_stay_within_a_tenth_of_every_real_cell_when_anatomies_are_label_maps(shared_data):
    maps = [load_label_map(path) for path in sorted(shared_data("anatomy").glob("*.nii.gz"))[:5]]
    found = separability([make_case((43, index), 2.5, maps, procedural_share=0.0) for index in range(40)])
    assert cells_off(found) == {}


def cells_off(found, tolerance=0.1):
    return {
        f"{pair} on {contrast}": (round(float(value), 2), real)
        for pair, row in REAL_SEPARABILITY.items()
        for contrast, value, real in zip(CONTRASTS, found[pair], row, strict=True)
        if not abs(value - real) <= tolerance
    }


def test_should_make_room_for_the_core_but_keep_the_skull_when_tissue_is_pushed_aside():
    tissue = np.full((41, 41, 41), Tissue.GREY, np.uint8)
    tissue[:, :, 14:] = Tissue.WHITE
    tissue[:, :, :3] = Tissue.OUTSIDE
    offsets = coordinates(tissue.shape, 1.0)
    distance = np.sqrt(sum(offset**2 for offset in offsets))
    moved = push_aside(tissue, offsets, distance, 10.0, 0.4, 1.0)
    assert ((moved == Tissue.OUTSIDE) == (tissue == Tissue.OUTSIDE)).all()
    assert np.flatnonzero(moved[20, 20] == Tissue.WHITE)[0] < 13
    np.testing.assert_array_equal(push_aside(tissue, offsets, distance, 10.0, 0.0, 1.0), tissue)


def test_should_reach_further_along_white_matter_and_not_into_fluid_when_oedema_spreads():
    tissue = np.full((31, 31, 31), Tissue.GREY, np.uint8)
    tissue[:, :, 16:] = Tissue.WHITE
    tissue[:, 20:] = Tissue.CSF
    core = np.zeros(tissue.shape, bool)
    core[15, 15, 15] = True
    reached = spread_along_white_matter(tissue, core, 2.5)
    assert reached[15, 15, 15] == pytest.approx(0.0, abs=1e-3)
    assert reached[15, 15, 21] > reached[15, 15, 9] > reached[15, 22, 15]


def test_should_be_one_half_when_two_samples_are_alike():
    values = np.arange(100.0)
    assert area_under_curve(values, values) == pytest.approx(0.5)
    assert area_under_curve(values + 1000, values) == 1.0


def test_should_write_clean_lps_files_when_a_study_is_stored(tmp_path):
    case = make_case((5, 0), SPACING)
    write_case(tmp_path, case)
    for name, expected in zip(("t1", "t1ce", "t2", "flair"), case.images, strict=True):
        image = nibabel.load(tmp_path / f"{name}.nii.gz")
        assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
        assert image.header.get_zooms() == pytest.approx((SPACING,) * 3)
        np.testing.assert_array_equal(np.asanyarray(image.dataobj), expected.T)
        assert bytes(image.header["descrip"]).strip(b"\0") == b""
    np.testing.assert_array_equal(np.asanyarray(nibabel.load(tmp_path / "seg.nii.gz").dataobj), case.labels.T)


def test_should_be_zero_outside_when_sampling_beyond_the_volume():
    volume = np.ones((2, 2, 2), np.uint8)
    index = np.array([-0.6, 0.4, 1.4, 1.6])
    assert sample_nearest(volume, index, np.zeros(4), np.zeros(4)).tolist() == [0, 1, 1, 0]


def test_should_vary_slowly_when_the_pitch_is_wide():
    random = np.random.default_rng(0)
    wide, narrow = (smooth_noise(random, (40, 40, 40), 1.0, pitch) for pitch in (20.0, 3.0))
    assert np.abs(np.diff(wide, axis=0)).mean() < 0.5 * np.abs(np.diff(narrow, axis=0)).mean()
    assert wide.std() == pytest.approx(1.0, abs=1e-3)


def test_should_keep_brain_and_drop_outer_fluid_when_a_label_map_is_loaded(tmp_path):
    labels = np.zeros((60, 60, 60), np.int32)
    labels[10:50, 10:50, 10:50] = 24
    labels[14:46, 14:46, 14:46] = 3
    labels[18:42, 18:42, 18:42] = 2
    labels[28:32, 28:32, 28:32] = 4
    labels[0:3] = 502
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "map_01.nii.gz")
    anatomy = load_label_map(tmp_path / "map_01.nii.gz")
    assert isinstance(anatomy, Anatomy)
    assert anatomy.source == "map_01"
    assert max(anatomy.tissue.shape) <= 36
    assert np.count_nonzero(anatomy.tissue == Tissue.CSF) >= 64
    assert np.count_nonzero(anatomy.tissue == Tissue.WHITE) == 24**3 - 64


def test_should_load_when_the_shared_label_maps_are_there(shared_data):
    path = sorted(shared_data("anatomy").glob("*.nii.gz"))[0]
    anatomy = load_label_map(path)
    assert anatomy.spacing == pytest.approx(1.0)
    assert 900e3 < np.count_nonzero(anatomy.tissue) < 1800e3
