from __future__ import annotations

import nibabel
import numpy as np
import pytest

from cloe.inference.study import find_scans
from cloe.nifti import load_volume, lps_affine, restore_order, save_volume


@pytest.mark.parametrize(
    "names",
    [
        ["t1.nii.gz", "t1ce.nii.gz", "t2.nii.gz", "flair.nii.gz", "seg.nii.gz"],
        ["BraTS2021_00006_t1.nii.gz", "X_t1ce.nii.gz", "X_t2.nii", "X_FLAIR.nii.gz", "X_seg.nii.gz"],
        ["GLI-00000-000-t1n.nii.gz", "G-t1c.nii.gz", "G-t2w.nii.gz", "G-t2f.nii.gz", "G-SEG.NII.GZ"],
        ["aT1.nii.gz", "aT1Gd.nii.gz", "aT2.nii.gz", "aT2-flair.nii.gz", "aseg.nii.gz"],
    ],
)
def test_should_find_every_scan_when_names_follow_a_usual_scheme(tmp_path, names):
    for name in [*names, "notes.txt", "t1.json"]:
        (tmp_path / name).touch()
    found = find_scans(tmp_path)
    assert [found[key].name for key in ("T1", "T1CE", "T2", "FLAIR", "SEG")] == names


def test_should_refuse_when_two_files_claim_one_modality(tmp_path):
    for name in ("a_t1ce.nii.gz", "b_t1c.nii.gz"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="T1CE"):
        find_scans(tmp_path)


@pytest.mark.parametrize("order", ["LPS", "RAS", "LAS", "LIA", "PIR", "ASR"])
def test_should_store_and_restore_when_a_volume_has_any_orientation(tmp_path, order):
    canonical = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    affine = lps_affine((3, 4, 5), 2.0)
    image = nibabel.Nifti1Image(canonical.T, affine)
    target = nibabel.orientations.axcodes2ornt(tuple(order))
    turned = image.as_reoriented(
        nibabel.orientations.ornt_transform(nibabel.orientations.io_orientation(affine), target)
    )
    nibabel.save(turned, tmp_path / "v.nii.gz")
    volume = load_volume(tmp_path / "v.nii.gz", "LPS")
    np.testing.assert_array_equal(volume.data, canonical)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
    np.testing.assert_array_equal(restore_order(volume.data, volume, "LPS"), np.asanyarray(turned.dataobj))


def test_should_write_the_same_bytes_and_a_clean_header_when_saving_twice(tmp_path):
    data = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    for name in ("a.nii.gz", "b.nii.gz"):
        save_volume(tmp_path / name, data, lps_affine((5, 4, 3), 2.0), label=True)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    header = nibabel.load(tmp_path / "a.nii.gz").header
    assert bytes(header["descrip"]).strip(b"\0") == b""
    assert len(header.extensions) == 0
    assert int(header["intent_code"]) == 1002
    assert header.get_data_dtype() == np.uint8


def test_should_refuse_when_a_file_holds_several_volumes(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3, 2), np.int16), np.eye(4)), tmp_path / "v.nii.gz")
    with pytest.raises(ValueError, match="three-dimensional"):
        load_volume(tmp_path / "v.nii.gz", "LPS")
