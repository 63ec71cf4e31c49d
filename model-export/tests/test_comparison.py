"""Two bundles on whole studies."""

from __future__ import annotations

import numpy as np
import pytest

from cloe.cli.main import main
from cloe.evaluation.comparison import Difference, compare, table, worst
from cloe.evaluation.parity import NetworkBundle
from cloe.evaluation.studies import LabelledStudy
from cloe.export.half import write_half_bundle
from cloe.inference.bundle import Bundle
from cloe.phantom.case import make_case
from cloe.specification import BRAIN_GLIOMA
from conftest import make_network

MODALITIES = BRAIN_GLIOMA.modalities
PHANTOMS = ["--data", "phantoms", "--cases", "2", "--spacings", "6.0", "--no-label-maps"]


@pytest.fixture(scope="module")
def study() -> LabelledStudy:
    case = make_case((8, 1), 6.0)
    return LabelledStudy("a", dict(zip(MODALITIES, case.images, strict=True)), case.labels)


@pytest.fixture(scope="module")
def half_folder(tiny_bundle_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("half") / "bundle"
    write_half_bundle(tiny_bundle_folder, folder)
    return folder


def test_should_find_no_difference_when_a_bundle_is_compared_with_itself(tiny_bundle, study):
    found = list(compare(tiny_bundle, tiny_bundle, [study], [["FLAIR"], list(MODALITIES)]))
    assert [(name, one.subset) for name, one in found] == [("a", "FLAIR"), ("a", "T1+T1CE+T2+FLAIR")]
    assert {(one.labels, one.weights, *one.dice.values()) for _, one in found} == {(1.0, 0.0, 1.0, 1.0, 1.0)}


def test_should_tell_half_precision_from_other_weights_when_bundles_are_compared(tiny_bundle, half_folder, study):
    everything = [list(MODALITIES)]
    (_, near), *_ = compare(tiny_bundle, Bundle(half_folder, 1), [study], everything)
    other = NetworkBundle(tiny_bundle, make_network(seed=6))
    (_, far), *_ = compare(tiny_bundle, other, [study], everything, factor=1.5)
    assert near.labels > 0.98
    assert 0.0 < near.weights < 0.01
    assert far.labels < near.labels
    assert far.weights > near.weights


def test_should_keep_the_worst_of_each_figure_when_studies_are_put_together():
    first = Difference("T1", 0.9, {"WT": 0.7, "TC": 1.0}, 0.01)
    second = Difference("T1", 0.8, {"WT": 0.9, "TC": 0.5}, 0.0)
    both = worst([first, second])
    assert both == Difference("T1", 0.8, {"WT": 0.7, "TC": 0.5}, 0.01)
    assert "| T1 | 80.000% | 0.7000 | 0.5000 | 1.0e-02 |" in table([both])
    assert both.within(0.8, 0.01)
    assert not both.within(0.81, 0.01)
    assert not both.within(0.8, 0.009)


def test_should_exit_with_one_when_bundles_are_too_far_apart(tiny_bundle_folder, half_folder, capsys):
    same = ["compare", str(tiny_bundle_folder), str(tiny_bundle_folder), *PHANTOMS, "--subsets", "T1,T1CE+FLAIR"]
    assert main(same) == 0
    printed = capsys.readouterr().out
    assert "Worst of 2 studies" in printed
    assert "| T1CE+FLAIR | 100.000% | 1.0000 | 1.0000 | 1.0000 | 0.0e+00 |" in printed
    half = ["compare", str(tiny_bundle_folder), str(half_folder), *PHANTOMS, "--subsets", "T1+T2+FLAIR"]
    assert main([*half, "--weights", "1e-9"]) == 1
    assert "too far apart: T1+T2+FLAIR" in capsys.readouterr().out


def test_should_refuse_when_bundles_are_of_other_tasks(tiny_bundle, study):
    class Other:
        specification = None

    with pytest.raises(ValueError, match="nothing to compare"):
        list(compare(tiny_bundle, Other(), [study], [["T1"]]))


def test_should_compare_in_the_brain_alone_when_labels_are_counted(tiny_bundle, half_folder, study):
    padded = LabelledStudy("b", {name: np.pad(v, 4) for name, v in study.volumes.items()}, np.pad(study.truth, 4))
    half = Bundle(half_folder, 1)
    ((_, one),) = compare(tiny_bundle, half, [study], [["T2"]])
    ((_, two),) = compare(tiny_bundle, half, [padded], [["T2"]])
    assert one.labels == two.labels
