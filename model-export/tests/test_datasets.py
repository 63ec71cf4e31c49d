from __future__ import annotations

import json
from functools import partial

import nibabel
import numpy as np
import pytest

from cloe.datasets.brats import find_brats_cases, glioma_labels, read_brats_case
from cloe.datasets.case import LabelledCase, as_int16, resample
from cloe.datasets.msd import open_task, read_decathlon_case
from cloe.specification import PROSTATE
from cloe.training.pool import build_scan_pool, load_pool

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
NAMES = {
    "2020": ("BraTS20_Training_001", "{case}_{scan}.nii", ("t1", "t1ce", "t2", "flair", "seg"), 4),
    "2020, case 355": ("BraTS20_Training_355", "{case}_{scan}.nii", ("t1", "t1ce", "t2", "flair", "Segm"), 4),
    "2021": ("BraTS2021_00000", "{case}_{scan}.nii.gz", ("t1", "t1ce", "t2", "flair", "seg"), 4),
    "2023": ("BraTS-GLI-00000-000", "{case}-{scan}.nii.gz", ("t1n", "t1c", "t2w", "t2f", "seg"), 3),
}


def write_brats(root, year, shape=(6, 7, 8)):
    case, pattern, scans, enhancing = NAMES[year]
    folder = root / "MICCAI" / "HGG" / case
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    truth = np.zeros(shape, np.uint8)
    truth[1, 2, 3], truth[2, 2, 3], truth[3, 2, 3] = 1, 2, enhancing
    for channel, scan in enumerate(scans):
        data = truth if channel == 4 else random.integers(1, 1000, shape).astype(np.int16) + 1000 * channel
        nibabel.save(nibabel.Nifti1Image(data, LPS), folder / pattern.format(case=case, scan=scan))
    return folder


@pytest.mark.parametrize("year", NAMES)
def test_should_read_channels_in_order_when_a_folder_is_named_as_in_a_brats_year(tmp_path, year):
    folder = write_brats(tmp_path, year)
    assert find_brats_cases(tmp_path) == [folder]
    case = read_brats_case(folder)
    assert case.images.shape == (4, 8, 7, 6)
    assert [int(image.min() // 1000) for image in case.images] == [0, 1, 2, 3]
    assert case.spacing == (1.0, 1.0, 1.0)
    assert [int(case.labels[3, 2, x]) for x in (1, 2, 3)] == [1, 2, 3]


def test_should_name_what_lacks_when_no_folder_is_complete(tmp_path):
    (write_brats(tmp_path, "2021") / "BraTS2021_00000_t2.nii.gz").unlink()
    with pytest.raises(ValueError, match="T2"):
        find_brats_cases(tmp_path)


def test_should_refuse_labels_when_they_mix_two_codings():
    with pytest.raises(ValueError, match="coding"):
        glioma_labels(np.array([0.0, 3.0, 4.0]), "case")
    with pytest.raises(ValueError, match="coding"):
        glioma_labels(np.array([0.0, 7.0]), "case")


def test_should_keep_whole_numbers_and_never_lose_a_voxel_when_stored_in_sixteen_bits():
    whole = np.array([0.0, -3.0, 1200.0], np.float32)
    np.testing.assert_array_equal(as_int16(whole), whole)
    fine = np.array([0.0, 1e-6, 0.5, 1.0, np.nan], np.float32)
    stored = as_int16(fine)
    assert stored.dtype == np.int16
    assert (stored != 0).tolist() == [False, True, True, True, False]
    assert stored[3] == pytest.approx(2 * stored[2], rel=1e-3)


def test_should_keep_place_volume_and_brightness_when_resampled():
    images = np.zeros((1, 20, 20, 20), np.float32)
    images[:, 4:16, 4:16, 4:16] = 100.0
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[8:12, 8:12, 8:12] = 2
    coarse = resample(LabelledCase("x", images, labels, (1.0, 1.0, 1.0)), 2.0)
    assert coarse.labels.shape == (10, 10, 10)
    assert coarse.spacing == (2.0, 2.0, 2.0)
    assert np.argwhere(coarse.labels == 2).mean(0) == pytest.approx([4.5, 4.5, 4.5])
    assert 4 <= np.count_nonzero(coarse.labels) <= 12
    inside = coarse.images[0][coarse.images[0] != 0]
    assert inside == pytest.approx(100.0, abs=1.0)
    assert inside.size == 6**3


def write_task(root, labels=None):
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir()
    shape = (10, 12, 4)
    random = np.random.default_rng(1)
    image = np.stack([random.uniform(100, 200, shape), random.uniform(1000, 2000, shape)], -1).astype(np.float32)
    truth = np.zeros(shape, np.float32)
    truth[2:4], truth[6:8] = 1.0, 2.0
    affine = np.diag([0.6, 0.6, 4.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(image, affine), root / "imagesTr" / "prostate_00.nii.gz")
    nibabel.save(nibabel.Nifti1Image(truth, affine), root / "labelsTr" / "prostate_00.nii.gz")
    content = {
        "modality": {"0": "T2", "1": "ADC"},
        "labels": labels or {"0": "background", "1": "PZ", "2": "TZ"},
        "training": [{"image": "./imagesTr/prostate_00.nii.gz", "label": "./labelsTr/prostate_00.nii.gz"}],
    }
    (root / "dataset.json").write_text(json.dumps(content))


def test_should_read_both_channels_when_a_decathlon_task_is_opened(tmp_path):
    write_task(tmp_path)
    task = open_task(tmp_path, PROSTATE)
    assert task.channels == (0, 1)
    case = read_decathlon_case(task.cases[0], task.channels, PROSTATE)
    assert case.images.shape == (2, 4, 12, 10)
    assert case.images[0].max() <= 200.0 < 1000.0 <= case.images[1].min()
    assert case.spacing == pytest.approx((4.0, 0.6, 0.6))
    # The file runs to the right; in LPS order x runs to the left.
    assert case.labels[0, 0].tolist() == [0, 0, 2, 2, 0, 0, 1, 1, 0, 0]


def test_should_refuse_a_task_when_its_labels_mean_something_else(tmp_path):
    write_task(tmp_path, {"0": "background", "1": "TZ", "2": "PZ"})
    with pytest.raises(ValueError, match="labels"):
        open_task(tmp_path, PROSTATE)


def test_should_refuse_a_task_when_a_file_lacks(tmp_path):
    write_task(tmp_path)
    (tmp_path / "labelsTr" / "prostate_00.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"prostate_00\.nii\.gz"):
        open_task(tmp_path, PROSTATE)


def test_should_store_each_scan_once_per_voxel_size_when_a_pool_is_built(tmp_path):
    folder = write_brats(tmp_path, "2021")
    readers = [partial(read_brats_case, folder)]
    build_scan_pool(tmp_path / "pool", readers, [None, 2.0])
    cases = load_pool(tmp_path / "pool")
    assert [case.spacing for case in cases] == [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)]
    assert cases[0].images.shape == (4, 8, 7, 6)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "pool").iterdir()}
    build_scan_pool(tmp_path / "pool", [None], [None, 2.0])
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "pool").iterdir()} == before
