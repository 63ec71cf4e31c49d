"""The reference path from files to mask and JSON."""

from __future__ import annotations

import json
import shutil

import nibabel
import numpy as np
import pytest

from cloe.cli.main import main
from cloe.inference.pipeline import mask_values, segment
from cloe.inference.preprocess import crop_and_normalise
from cloe.phantom.case import make_case
from cloe.phantom.writer import write_case
from cloe.specification import BRAIN_GLIOMA
from conftest import TINY_WINDOW

MODALITIES = BRAIN_GLIOMA.modalities


@pytest.fixture(scope="module")
def case():
    return make_case((8, 1), 6.0)


@pytest.fixture(scope="module")
def study(case, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_case(folder, case)
    return folder


def run_cli(bundle_folder, study, out, modalities: str) -> dict:
    arguments = ["infer", "--bundle", str(bundle_folder), "--study", str(study), "--out", str(out)]
    assert main([*arguments, "--modalities", modalities]) == 0
    return json.loads((out / "result.json").read_text())


@pytest.mark.parametrize("modalities", ["T1", "T2,T1", "FLAIR,T1CE,T1", "T1,T1CE,T2,FLAIR"])
def test_should_write_mask_and_result_when_a_study_is_segmented(tiny_bundle_folder, study, case, tmp_path, modalities):
    result = run_cli(tiny_bundle_folder, study, tmp_path, modalities)
    names = [name for name in MODALITIES if name in modalities.split(",")]
    assert list(result["weights"]) == names
    assert sum(result["weights"].values()) == pytest.approx(1.0, abs=1e-5)
    if len(names) <= 2:
        assert result["gate"] == "fixed"
        assert result["consistencyGlobal"] is None
        assert result["consistencyRegional"] is None
        assert set(result["weights"].values()) == {1.0 / len(names)}
        assert set(result["spread"].values()) == {0.0}
    else:
        assert result["gate"] == "computed"
        assert list(result["consistencyGlobal"]) == names
        assert all(0.0 <= value <= 1.0001 for value in result["consistencyRegional"].values())
    mask = nibabel.load(tmp_path / "mask.nii.gz")
    reference = nibabel.load(study / "t1.nii.gz")
    assert mask.shape == reference.shape
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_allclose(mask.affine, reference.affine)
    values = np.asanyarray(mask.dataobj)
    assert not values[case.tissue.T == 0].any()
    counts = np.bincount(values.ravel(), minlength=4)
    assert counts.tolist() == list(result["voxels"].values())
    voxel_ml = 6.0**3 / 1000.0
    assert result["volumesMl"]["WT"] == pytest.approx(counts[1:].sum() * voxel_ml)
    assert result["volumesMl"]["TC"] == pytest.approx((counts[1] + counts[3]) * voxel_ml)
    assert result["volumesMl"]["ED"] == pytest.approx(counts[2] * voxel_ml)


def test_should_give_the_same_bytes_when_a_study_is_segmented_twice(tiny_bundle_folder, study, tmp_path):
    for name in ("a", "b"):
        run_cli(tiny_bundle_folder, study, tmp_path / name, "T1,FLAIR")
    assert (tmp_path / "a/mask.nii.gz").read_bytes() == (tmp_path / "b/mask.nii.gz").read_bytes()
    assert (tmp_path / "a/result.json").read_bytes() == (tmp_path / "b/result.json").read_bytes()


def test_should_give_the_same_mask_in_the_world_when_files_have_another_orientation(
    tiny_bundle_folder, study, tmp_path
):
    turned = tmp_path / "turned"
    turned.mkdir()
    target = nibabel.orientations.axcodes2ornt(("I", "R", "A"))
    for name in ("t1", "t2"):
        image = nibabel.load(study / f"{name}.nii.gz")
        transform = nibabel.orientations.ornt_transform(nibabel.orientations.io_orientation(image.affine), target)
        nibabel.save(image.as_reoriented(transform), turned / f"{name}.nii.gz")
    plain = run_cli(tiny_bundle_folder, study, tmp_path / "a", "T1,T2")
    other = run_cli(tiny_bundle_folder, turned, tmp_path / "b", "T1,T2")
    assert plain == other
    first, second = (nibabel.load(tmp_path / name / "mask.nii.gz") for name in "ab")
    assert nibabel.aff2axcodes(second.affine) == ("I", "R", "A")
    canonical = [np.asanyarray(nibabel.as_closest_canonical(image).dataobj) for image in (first, second)]
    np.testing.assert_array_equal(*canonical)


def test_should_ignore_the_other_files_when_modalities_are_chosen(tiny_bundle_folder, study, tmp_path):
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    shutil.copy(study / "t2.nii.gz", lonely)
    expected = run_cli(tiny_bundle_folder, study, tmp_path / "a", "T2")
    assert run_cli(tiny_bundle_folder, lonely, tmp_path / "b", "T2") == expected


@pytest.mark.parametrize("modalities", ["T2,FLAIR", "T2,T9", "T2,T2"])
def test_should_refuse_when_modalities_are_absent_unknown_or_repeated(
    tiny_bundle_folder, study, tmp_path, modalities, capsys
):
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    shutil.copy(study / "t2.nii.gz", lonely)
    arguments = ["infer", "--bundle", str(tiny_bundle_folder), "--study", str(lonely), "--out", str(tmp_path / "o")]
    assert main([*arguments, "--modalities", modalities]) == 1
    assert "cloe:" in capsys.readouterr().err


def test_should_refuse_when_grids_differ(tiny_bundle_folder, study, tmp_path, capsys):
    shifted = tmp_path / "shifted"
    shutil.copytree(study, shifted)
    image = nibabel.load(study / "t2.nii.gz")
    affine = image.affine.copy()
    affine[0, 3] += 0.01
    nibabel.save(nibabel.Nifti1Image(np.asanyarray(image.dataobj), affine), shifted / "t2.nii.gz")
    arguments = ["infer", "--bundle", str(tiny_bundle_folder), "--study", str(shifted), "--out", str(tmp_path / "o")]
    assert main([*arguments, "--modalities", "T1,T2"]) == 1
    assert "grid" in capsys.readouterr().err


def test_should_equal_one_run_of_the_graph_when_the_brain_fits_one_window(tiny_bundle):
    random = np.random.default_rng(0)
    volume = np.zeros((20, 20, 20), np.float32)
    volume[3:17, 4:15, 5:19] = random.uniform(1.0, 2.0, (14, 11, 14))
    result = segment(tiny_bundle, {"T1": volume})
    crop = crop_and_normalise([volume], TINY_WINDOW, 5.0)
    outputs = tiny_bundle.run(["T1"], crop.volumes[None])
    expected = np.where(crop.brain, outputs["probabilities"][0].argmax(0), 0)
    z, y, x = crop.low
    np.testing.assert_array_equal(result.channels[z : z + 16, y : y + 16, x : x + 16], expected)
    assert np.count_nonzero(result.channels) == np.count_nonzero(expected)


def test_should_follow_the_manifest_when_channels_become_mask_values(tiny_bundle):
    assert mask_values(tiny_bundle).tolist() == [0, 1, 2, 3]
    tiny_bundle.manifest["classes"][3]["label"] = 4
    assert mask_values(tiny_bundle).tolist() == [0, 1, 2, 4]


def test_should_write_studies_that_can_be_segmented_when_phantoms_are_ordered(tiny_bundle_folder, tmp_path):
    out = tmp_path / "phantoms"
    assert main(["phantom", "--out", str(out), "--cases", "2", "--seed", "4", "--spacing", "6"]) == 0
    studies = sorted(out.iterdir())
    assert [path.name for path in studies] == ["phantom-4-000", "phantom-4-001"]
    assert run_cli(tiny_bundle_folder, studies[0], tmp_path / "o", "FLAIR")["modalities"] == ["FLAIR"]


def test_should_report_success_when_an_intact_bundle_is_verified(tiny_bundle_folder, capsys):
    assert main(["verify", str(tiny_bundle_folder)]) == 0
    assert "verified" in capsys.readouterr().out
