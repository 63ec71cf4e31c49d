"""Scores by hand, tables, and the command that writes them."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from cloe.cli.main import main
from cloe.evaluation.dice import dice
from cloe.evaluation.evaluate import Row, RowStore, evaluate
from cloe.evaluation.gate import corruption_curves, gate_response, tumour_window
from cloe.evaluation.metrics import ONE_EMPTY_MM, RegionScore, SmallRegionRule, border, hd95, score_regions
from cloe.evaluation.studies import LabelledStudy, coarse_labels, coarsen, enlarge, folder_studies
from cloe.evaluation.table import MEAN, estimate, presence, subset_table, summarise
from cloe.inference.pipeline import segment
from cloe.inference.preprocess import crop_and_normalise
from cloe.phantom.case import make_case
from cloe.phantom.writer import write_case
from cloe.specification import BRAIN_GLIOMA
from conftest import TINY_WINDOW

MODALITIES = BRAIN_GLIOMA.modalities
UNIT = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def case():
    return make_case((8, 1), 6.0)


@pytest.fixture(scope="module")
def volumes(case):
    return dict(zip(MODALITIES, case.images, strict=True))


def mask(*voxels: tuple[int, int, int], shape=(12, 12, 12)) -> np.ndarray:
    found = np.zeros(shape, bool)
    for voxel in voxels:
        found[voxel] = True
    return found


def test_should_follow_the_rule_for_empty_masks_when_one_or_both_are_empty():
    empty, full = np.zeros((2, 2, 2), bool), np.ones((2, 2, 2), bool)
    assert dice(empty, empty) == 1.0
    assert dice(empty, full) == pytest.approx(0.0, abs=1e-8)
    assert hd95(empty, empty, UNIT) == 0.0
    assert hd95(empty, full, UNIT) == hd95(full, empty, UNIT) == ONE_EMPTY_MM
    assert pytest.approx(np.linalg.norm((240, 240, 155)), abs=0.005) == ONE_EMPTY_MM


def test_should_count_twice_the_overlap_when_masks_overlap_in_part():
    full = np.ones((2, 2, 2), bool)
    half = full.copy()
    half[0] = False
    assert dice(half, full) == pytest.approx(2 * 4 / 12)


def test_should_measure_millimetres_along_each_axis_when_two_voxels_lie_apart():
    first = mask((2, 3, 4))
    assert hd95(first, mask((5, 3, 4)), (2.0, 1.0, 1.0)) == pytest.approx(6.0)
    assert hd95(first, mask((2, 3, 7)), (2.0, 1.0, 1.5)) == pytest.approx(4.5)
    assert hd95(first, mask((5, 7, 4)), UNIT) == pytest.approx(5.0)
    assert hd95(first, first, UNIT) == 0.0


def test_should_take_the_larger_direction_when_one_mask_has_a_far_part():
    # 21 voxels in a row against the first of them: from the row the distances are 0..20, their 95th percentile is 19;
    # back from the single voxel it is 0. Pooling both sets would give another number.
    row = np.zeros((3, 3, 21), bool)
    row[1, 1, :] = True
    first = np.zeros_like(row)
    first[1, 1, 0] = True
    assert hd95(row, first, UNIT) == pytest.approx(19.0)
    assert hd95(first, row, UNIT) == pytest.approx(19.0)


def test_should_see_only_the_border_when_masks_are_nested():
    outer, inner = np.zeros((9, 9, 9), bool), np.zeros((9, 9, 9), bool)
    outer[1:8, 1:8, 1:8] = True
    inner[3:6, 3:6, 3:6] = True
    assert border(outer).sum() == 7**3 - 5**3
    assert not border(outer)[4, 4, 4]
    # Farthest border voxels of the cube of 7 are its corners, sqrt(12) from the cube of 3; they are 8 of 218, fewer
    # than 5 %, next come its edges at sqrt(8) to sqrt(9).
    assert np.sqrt(8) <= hd95(outer, inner, UNIT) <= 3.0


def test_should_treat_the_edge_of_the_volume_as_border_when_a_mask_touches_it():
    full = np.ones((5, 5, 5), bool)
    assert border(full).sum() == 5**3 - 3**3
    assert hd95(full, full, UNIT) == 0.0


def test_should_empty_a_small_et_alone_when_the_500_voxel_rule_applies():
    predicted = np.zeros((20, 20, 20), np.uint8)
    predicted[:5, :10, :10] = 3  # 500 voxels: kept at 1 mm
    truth = np.zeros_like(predicted)
    scores = score_regions(BRAIN_GLIOMA, predicted, truth, UNIT)
    assert scores["ET"].dice_post == scores["ET"].dice == pytest.approx(0.0, abs=1e-8)
    predicted[0, 0, 0] = 0  # 499
    scores = score_regions(BRAIN_GLIOMA, predicted, truth, UNIT)
    assert scores["ET"].dice == pytest.approx(0.0, abs=1e-8)
    assert scores["ET"].dice_post == 1.0
    assert scores["WT"].dice_post == scores["TC"].dice_post == pytest.approx(0.0, abs=1e-8)
    assert scores["ET"].predicted_voxels == 499
    # 500 voxels of 1 mm are 63 voxels of 2 mm: the rule is a volume.
    assert score_regions(BRAIN_GLIOMA, predicted, truth, (2.0, 2.0, 2.0))["ET"].dice_post == pytest.approx(0, abs=1e-8)


def test_should_lose_a_true_small_et_when_the_500_voxel_rule_empties_it():
    truth = np.zeros((9, 9, 9), np.uint8)
    truth[2:5, 2:5, 2:5] = 3
    scores = score_regions(BRAIN_GLIOMA, truth, truth, UNIT)
    assert scores["ET"].dice == pytest.approx(1.0)
    assert scores["ET"].dice_post == pytest.approx(0.0, abs=1e-8)
    assert score_regions(BRAIN_GLIOMA, truth, truth, UNIT, SmallRegionRule({}))["ET"].dice_post == pytest.approx(1.0)


def test_should_unite_classes_when_regions_are_scored():
    truth = np.array([0, 1, 2, 3], np.uint8).reshape(1, 1, 4)
    scores = score_regions(BRAIN_GLIOMA, np.array([0, 3, 2, 1], np.uint8).reshape(1, 1, 4), truth, UNIT)
    assert [scores[region].dice for region in ("WT", "TC", "ET")] == pytest.approx([1.0, 1.0, 0.0], abs=1e-8)
    assert [scores[region].truth_voxels for region in ("WT", "TC", "ET")] == [3, 2, 1]


def row(study: str, subset: str, value: float, truth: int = 5, predicted: int = 5) -> Row:
    return Row(study, subset, {"WT": RegionScore(value, value, 1.0, truth, predicted)}, {"T1": 1.0})


def test_should_bootstrap_by_patient_when_subsets_are_averaged():
    rows = [row("a", "T1", 0.2), row("a", "T2", 0.4), row("b", "T1", 0.6), row("b", "T2", 0.8)]
    table = subset_table(rows, "dice")
    assert table["T1"]["WT"].mean == pytest.approx(0.4)
    # By patient the mean line has two values, 0.3 and 0.7: a resample gives 0.3, 0.5 or 0.7.
    assert (table[MEAN]["WT"].mean, table[MEAN]["WT"].median) == (pytest.approx(0.5), pytest.approx(0.5))
    assert (table[MEAN]["WT"].low, table[MEAN]["WT"].high) == (pytest.approx(0.3), pytest.approx(0.7))


def test_should_leave_a_patient_out_of_the_mean_when_a_subset_of_it_is_not_measured():
    table = subset_table([row("a", "T1", 0.2), row("a", "T2", 0.4), row("b", "T1", 0.6)], "dice")
    assert table[MEAN]["WT"].mean == pytest.approx(0.3)
    assert table[MEAN]["WT"].low is None


def test_should_cover_the_true_mean_when_intervals_are_drawn_from_many_patients():
    values = np.random.default_rng(3).normal(0.5, 0.1, 50)
    found = estimate(values)
    half_width = 1.96 * values.std() / np.sqrt(50)
    assert found.low == pytest.approx(values.mean() - half_width, abs=0.004)
    assert found.high == pytest.approx(values.mean() + half_width, abs=0.004)
    with pytest.raises(ValueError, match="no patient"):
        estimate([])


def test_should_tell_missed_from_absent_when_the_truth_lacks_a_region():
    rows = [row("a", "T1", 0.5), row("b", "T1", 0.0, truth=0), row("c", "T1", 1.0, truth=0, predicted=0)]
    assert presence(rows)["WT"] == {"casesWithRegion": 1, "diceWherePresent": 0.5, "falseAlarmRate": 0.5}
    assert presence([row("a", "T1", 0.5)])["WT"]["falseAlarmRate"] is None


def test_should_average_over_studies_when_subsets_are_evaluated(tiny_bundle, volumes, tmp_path):
    perfect = segment(tiny_bundle, {"T1": volumes["T1"]}).channels
    studies = [LabelledStudy("a", volumes, perfect), LabelledStudy("b", volumes, np.full_like(perfect, 1))]
    rows = evaluate(tiny_bundle, studies, [["T1"]], RowStore(tmp_path / "rows.jsonl", {}))
    assert [score.dice for score in rows[0].scores.values()] == [1.0, 1.0, 1.0]
    assert [score.hd95 for score in rows[0].scores.values()] == [0.0, 0.0, 0.0]
    summary = summarise(rows)
    assert summary["cases"] == 2
    assert summary["perSubset"]["T1"]["WT"] == pytest.approx((1.0 + rows[1].scores["WT"].dice) / 2, abs=1e-4)
    assert summary["mean"] == summary["perSubset"]["T1"]
    assert summary["weights"] == {"T1": {"T1": 1.0}}


def test_should_go_on_where_it_stopped_when_an_evaluation_is_repeated(tiny_bundle, volumes, case, tmp_path):
    study = LabelledStudy("a", volumes, case.labels)
    path, settings = tmp_path / "rows.jsonl", {"model": "x"}
    first = evaluate(tiny_bundle, [study], [["T1"], ["T2"]], RowStore(path, settings))
    cut = path.read_text()[:-20]  # a crash in the middle of the last line
    path.write_text(cut)
    measured = []
    store = RowStore(path, settings)
    again = evaluate(tiny_bundle, [study], [["T1"], ["T2"]], store, shown=lambda _, subset, __: measured.append(subset))
    assert measured == ["T2"]
    assert again == first
    with pytest.raises(ValueError, match="another model"):
        RowStore(path, {"model": "y"})


def test_should_score_on_the_original_grid_when_a_study_is_segmented_coarsely(tiny_bundle, case, volumes, tmp_path):
    fine = {name: np.repeat(np.repeat(np.repeat(v, 2, 0), 2, 1), 2, 2) for name, v in volumes.items()}
    truth = enlarge(case.labels, 2, fine["T1"].shape)
    study = LabelledStudy("fine", fine, truth, (3.0,) * 3)
    np.testing.assert_allclose(coarsen(study, 2)["T2"], volumes["T2"], rtol=1e-6)
    coarse = LabelledStudy("coarse", volumes, case.labels, (6.0,) * 3)
    found = evaluate(tiny_bundle, [study], [["T1", "T2"]], RowStore(tmp_path / "a", {}), factor=2)[0]
    expected = evaluate(tiny_bundle, [coarse], [["T1", "T2"]], RowStore(tmp_path / "b", {}))[0]
    assert found.scores["WT"].dice == pytest.approx(expected.scores["WT"].dice)
    assert found.scores["WT"].truth_voxels == 8 * expected.scores["WT"].truth_voxels


def test_should_share_voxels_out_when_the_factor_is_no_whole_number():
    volume = np.array([1.0, 2.0, 3.0], np.float32).reshape(3, 1, 1).repeat(3, 1).repeat(3, 2)
    found = coarsen(LabelledStudy("a", {"T1": volume}, np.zeros((3, 3, 3), np.uint8)), 1.5)["T1"]
    assert found[:, 0, 0].tolist() == pytest.approx([(1 + 0.5 * 2) / 1.5, (0.5 * 2 + 3) / 1.5])
    labels = np.arange(7, dtype=np.uint8).reshape(7, 1, 1)
    assert coarse_labels(labels, 2.2)[:, 0, 0].tolist() == [1, 3, 5, 6]
    assert enlarge(np.arange(4).reshape(4, 1, 1), 2.2, (7, 1, 1))[:, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_should_average_brain_voxels_only_when_a_block_lies_at_the_rim():
    volume = np.zeros((3, 2, 2), np.float32)
    volume[0] = 8.0  # half of the first block
    volume[2, 0, 0] = 5.0  # one of the eight of the padded second block
    found = coarsen(LabelledStudy("a", {"T1": volume}, np.zeros((3, 2, 2), np.uint8)), 2)["T1"]
    assert found.tolist() == [[[8.0]], [[0.0]]]


@pytest.fixture(scope="module")
def labelled_folder(case, tmp_path_factory):
    root = tmp_path_factory.mktemp("cases")
    for name in ("harbour", "meadow"):
        write_case(root / name, case)
    return root


def test_should_map_the_old_coding_when_labelled_cases_are_read(labelled_folder, tmp_path):
    folder = tmp_path / "one"
    shutil.copytree(labelled_folder / "meadow", folder)
    image = nibabel.load(folder / "seg.nii.gz")
    labels = np.asanyarray(image.dataobj).copy()
    labels[labels == 3] = 4
    labels[0, 0, 0] = 4
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), folder / "seg.nii.gz")
    (tmp_path / "unlabelled").mkdir()
    studies = list(folder_studies(tmp_path, "LPS"))
    assert [entry.name for entry in studies] == ["one"]
    assert studies[0].truth[0, 0, 0] == 3
    assert studies[0].truth.max() == 3
    assert set(studies[0].volumes) == set(MODALITIES)
    assert studies[0].spacing == pytest.approx((6.0, 6.0, 6.0))


def test_should_refuse_a_folder_when_no_case_is_labelled(tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(ValueError, match="no labelled case"):
        list(folder_studies(tmp_path, "LPS"))


def test_should_write_tables_and_pictures_when_a_folder_is_evaluated(tiny_bundle_folder, labelled_folder, tmp_path):
    out = tmp_path / "report"
    arguments = ["evaluate", str(tiny_bundle_folder), "--data", str(labelled_folder), "--out", str(out)]
    assert main([*arguments, "--subsets", "T1,T1+T1CE+T2+FLAIR", "--name", "two cases"]) == 0
    content = json.loads((out / "results.json").read_text())
    assert content["name"] == "two cases"
    assert content["summary"]["cases"] == 2
    assert list(content["tables"]["dice"]) == ["T1", "T1+T1CE+T2+FLAIR", "mean"]
    text = (out / "README.md").read_text()
    assert "Trained on: not stated in the bundle" in text
    assert "HD95: the larger of the two directed 95th percentiles" in text
    assert "meadow" not in text  # the report names no case
    rows = list(csv.DictReader((out / "rows.csv").open()))
    assert len(rows) == 2 * 2 * 3
    table = list(csv.DictReader((out / "table.csv").open()))
    assert {entry["metric"] for entry in table} == {"dice", "dice_post", "hd95"}
    for picture in ("slices-1.png", "weights-corruption.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
        assert f"]({picture})" in text
    # A run that was interrupted before it painted: the rows are there, the picture is not.
    before = (out / "slices-1.png").read_bytes()
    (out / "slices-1.png").unlink()
    assert main([*arguments, "--subsets", "T1,T1+T1CE+T2+FLAIR", "--name", "two cases"]) == 0
    assert (out / "slices-1.png").read_bytes() == before
    assert (out / "README.md").read_text() == text


def test_should_evaluate_phantoms_when_no_folder_is_named(tiny_bundle_folder, tmp_path):
    arguments = ["evaluate", str(tiny_bundle_folder), "--data", "phantoms", "--out", str(tmp_path), "--cases", "1"]
    options = ["--spacings", "6", "--subsets", "T2", "--no-label-maps", "--pictures", "0", "--corruption-cases", "0"]
    assert main([*arguments, *options]) == 0
    content = json.loads((tmp_path / "results.json").read_text())
    assert "never trained on" in content["summary"]["source"]
    assert content["tables"]["dice"]["T2"]["WT"]["low"] is None
    assert not list(tmp_path.glob("*.png"))


def test_should_refuse_trained_seeds_when_phantoms_are_evaluated(tiny_bundle_folder, tmp_path, capsys):
    arguments = ["evaluate", str(tiny_bundle_folder), "--data", "phantoms", "--out", str(tmp_path), "--seed", "20261"]
    assert main(arguments) == 1
    assert "trained" in capsys.readouterr().err
    assert main(["train", "--run", str(tmp_path), "--pool", str(tmp_path), "--pool-seed", "900000"]) == 1
    assert "evaluation" in capsys.readouterr().err


def test_should_centre_the_window_on_the_tumour_when_there_is_one():
    volume = np.zeros((60, 60, 60), np.float32)
    volume[5:55, 5:55, 5:55] = np.random.default_rng(0).uniform(1.0, 2.0, (50, 50, 50))
    crop = crop_and_normalise([volume], TINY_WINDOW, 5.0)
    truth = np.zeros(volume.shape, np.uint8)
    truth[38:43, 28:33, 6:9] = 3
    z, y, x = tumour_window(crop, truth, TINY_WINDOW)
    assert (z.start, y.start, x.start) == (27, 17, 0)
    assert tumour_window(crop, np.zeros_like(truth), TINY_WINDOW)[0] == slice(17, 33)


def test_should_report_weights_of_clean_and_spoilt_modalities_when_the_gate_is_examined(tiny_bundle, case, volumes):
    response = gate_response(tiny_bundle, [LabelledStudy(name, volumes, case.labels) for name in "ab"])
    assert response["cases"] == 2
    assert sum(response["clean"].values()) == pytest.approx(1.0, abs=1e-3)
    assert set(response["spoilt"]) == {"blank", "noise", "shift", "swap"}
    for kind in response["spoilt"].values():
        assert 0.0 <= kind["lowestShare"] <= 1.0
        assert kind["meanWeight"] == pytest.approx(np.mean(list(kind["meanWeightByModality"].values())), abs=1e-3)
    assert response["spoilt"]["blank"]["meanWeightByModality"] != response["clean"]


def test_should_start_at_the_clean_weight_when_a_corruption_grows(tiny_bundle, case, volumes):
    first = LabelledStudy("a", volumes, case.labels)
    second = replace(first, name="b", volumes={name: volume[::-1] for name, volume in volumes.items()})
    curves = corruption_curves(tiny_bundle, [first, second], (0.0, 1.0))
    assert set(curves) == {"blank", "noise", "shift", "swap"}
    starts = {name: curve[0] for name, curve in curves["noise"].items()}
    assert starts == {name: curve[0] for name, curve in curves["blank"].items()}
    assert sum(starts.values()) == pytest.approx(1.0, abs=1e-3)
    assert all(curve[0] != curve[1] for curve in curves["blank"].values())
