"""The eight checks: each can pass and each can fail."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from cloe.cli.main import main
from cloe.evaluation import checks
from cloe.evaluation.checks import Outcome
from cloe.evaluation.experts import Experts, TumourPatch, region_dice, tumour_patch
from cloe.evaluation.measurements import ExpertRecord, FusionRecord, GateShape, Measurements, auc, gate_shape, measure
from cloe.evaluation.parity import study_agreement
from cloe.evaluation.studies import LabelledStudy
from cloe.export.parity import SubsetParity
from cloe.export.restore import restore_network
from cloe.inference.bundle import BundleError
from cloe.model.gate import Gate
from cloe.phantom.case import make_case
from cloe.specification import BRAIN_GLIOMA
from conftest import TINY_WINDOW, make_network

MODALITIES = BRAIN_GLIOMA.modalities


@pytest.fixture(scope="module")
def study():
    case = make_case((8, 1), 6.0)
    return LabelledStudy("a", dict(zip(MODALITIES, case.images, strict=True)), case.labels, (6.0,) * 3)


@pytest.fixture(scope="module")
def patch(study):
    return tumour_patch(study, MODALITIES, TINY_WINDOW, 5.0)


def good() -> Measurements:
    """What a well trained model would give."""
    shares = [1.2, 1.1, 1.0, 0.2]
    experts = [
        ExpertRecord(share, 0.9 + 0.01 * share, 0.5 + 0.1 * share, 0.5 + 0.3 * share, share < 0.5) for share in shares
    ]
    return Measurements(
        clean_shares=[np.array([1.1, 0.9, 1.0, 1.0])],
        curves={"blank": [[1.0, 0.6, 0.4, 0.2]], "shift": [[1.0, 0.9, 0.5, 0.4]]},
        lowest=[True] * 9 + [False],
        experts_clean=experts[:3],
        experts_spoilt=experts,
        fusions_clean=[FusionRecord(0.80, 0.804, 0.81, 0.7, 0.7)],
        fusions_spoilt=[FusionRecord(0.75, 0.70, 0.76, 0.6, 0.5)],
        region_auc=[0.95],
        region_inside=[0.8],
        region_outside=[0.1],
        by_size={1: [0.5], 2: [0.6], 3: [0.7], 4: [0.8]},
        full=[0.8],
        foreground={"T1": (80, 100), "T2": (120, 100)},
        enhancing={"T1": (0, 10), "T2": (9, 10)},
    )


LOG = [{"global": 0.3 - 0.01 * i, "regional": 0.5 - 0.01 * i, "experts": 1.0 - 0.02 * i} for i in range(9)]


def ablation(full=0.6, other=0.5, seeds=(1, 2, 3)) -> dict:
    def runs(score: float) -> dict:
        return {"runs": [{"seed": seed, "mean": score + 0.001 * seed, "all": score} for seed in seeds]}

    names = [*checks.ABLATION_ROWS[1:], checks.WITHOUT_ECL]
    return {"setting": "tiny", "rows": {"full": runs(full), **{name: runs(other) for name in names}}}


RISING = GateShape(0.0, 0.1, 2.0)


def verdicts(found: Measurements, log=LOG, rows=None, shape=RISING) -> list[checks.Verdict]:
    parity = [SubsetParity("T1", 1e-6, 0.0, 1.0)]
    rows = ablation() if rows is None else rows
    return [
        *checks.check_corruption(found),
        *checks.check_quality(found, shape),
        *checks.check_usefulness(found),
        *checks.check_region(found),
        *checks.check_agreement(found, log),
        *checks.check_subsets(found, rows),
        *checks.check_ablation(rows),
        *checks.check_parity(parity, 1.0),
    ]


def test_should_pass_every_line_when_a_model_shows_all_that_training_must_show():
    found = verdicts(good())
    assert [verdict.claim for verdict in found if verdict.outcome is not Outcome.PASSED] == []
    assert {verdict.check for verdict in found} == set(range(1, 9))


def failed(**changes) -> list[str]:
    found = good()
    for name, value in changes.items():
        setattr(found, name, value)
    return [verdict.claim for verdict in verdicts(found) if verdict.outcome is Outcome.FAILED]


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"curves": {"blank": [[1.0, 0.9, 0.8, 0.7]]}}, "falls well below"),
        ({"lowest": [True] * 8 + [False] * 2}, "has the lowest weight"),
        ({"curves": {"blank": [[1.0, 0.2, 0.1, 0.1]], "noise": [[1.0, 0.3, 0.5, 0.3]]}}, "as the corruption grows"),
        ({"clean_shares": [np.array([1.4, 0.8, 0.9, 0.9])]}, "keep about equal"),
        ({"fusions_spoilt": [FusionRecord(0.7, 0.71, 0.8, 0.6, 0.5)]}, "with a spoilt modality"),
        ({"fusions_spoilt": [FusionRecord(0.8, 0.71, 0.8, 0.4, 0.5)]}, "the same for ET"),
        ({"fusions_clean": [FusionRecord(0.7, 0.71, 0.8, 0.6, 0.6)]}, "on clean windows"),
        ({"region_auc": [0.85]}, "true tumour, AUC"),
        ({"region_outside": [0.5]}, "inside over outside"),
        ({"foreground": {"T1": (10, 100), "T2": (120, 100)}}, "no expert gives up"),
        ({"by_size": {1: [0.5], 2: [0.7], 3: [0.6], 4: [0.8]}}, "rises with the number"),
    ],
)
def test_should_fail_exactly_one_line_when_one_thing_is_wrong(changes, claim):
    found = failed(**changes)
    assert len(found) == 1
    assert claim in found[0]


def test_should_fail_when_weights_do_not_follow_quality_and_v_tells_less_than_u():
    found = good()
    records = [
        ExpertRecord(1.1, 0.9, 0.1, 0.1, False),
        ExpertRecord(0.9, 0.9, 0.2, 0.5, False),
        ExpertRecord(0.3, 0.1, 0.8, 0.9, True),
    ]
    found.experts_clean, found.experts_spoilt = records[:2], records
    claims = [verdict.claim for verdict in verdicts(found) if verdict.outcome is Outcome.FAILED]
    assert len(claims) == 2
    assert "Spearman" in claims[0]
    assert "regional consistency" in claims[1]


def test_should_fail_when_the_gate_falls_or_the_graphs_differ_or_the_losses_rise():
    assert checks.check_quality(good(), GateShape(-0.1, 0.2, 1.0))[1].outcome is Outcome.FAILED
    rows = [SubsetParity("T1", 1e-6, 0.0, 1.0), SubsetParity("T2", 1e-6, 2e-4, 0.99)]
    assert [v.outcome for v in checks.check_parity(rows, 0.99)] == [Outcome.FAILED] * 3
    rising = [{**entry, "experts": -entry["experts"]} for entry in LOG]
    assert checks.check_agreement(good(), rising)[0].outcome is Outcome.FAILED


def test_should_judge_the_ablation_by_rows_seeds_and_spread():
    assert [v.outcome for v in checks.check_ablation(ablation(full=0.5, other=0.6))] == [Outcome.PASSED, Outcome.FAILED]
    few = checks.check_ablation(ablation(seeds=(1, 2)))
    assert [v.outcome for v in few] == [Outcome.FAILED, Outcome.NOT_RUN]
    other = ablation()
    other["rows"]["no MEC"]["runs"][0]["seed"] = 9
    assert checks.check_ablation(other)[0].outcome is Outcome.FAILED
    assert checks.check_subsets(good(), ablation(full=0.5, other=0.6))[1].outcome is Outcome.FAILED


def test_should_say_what_is_missing_when_a_check_cannot_be_run():
    pair = Measurements(by_size={1: [0.5], 2: [0.6]}, full=[0.6], foreground={"T2": (9, 10)}, enhancing={"T2": (1, 1)})
    assert {v.outcome for v in checks.check_corruption(pair) + checks.check_usefulness(pair)} == {Outcome.NOT_RUN}
    assert {v.outcome for v in checks.check_ablation(None)} == {Outcome.NOT_RUN}
    assert "--log" in checks.check_agreement(pair, None)[0].note


def test_should_count_wins_and_half_the_ties_when_an_auc_is_computed():
    assert auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    with pytest.raises(ValueError, match="both sides"):
        auc(np.array([]), np.array([1.0]))


def test_should_see_a_falling_gate_when_its_weights_are_negative():
    gate = Gate()
    assert gate_shape(gate) == GateShape(0.0, 0.0, 0.0)
    assert not gate_shape(gate).rises()
    with torch.no_grad():
        gate.first.weight.fill_(1.0)
        gate.first.bias.fill_(5.0)
        gate.second.weight.fill_(0.1)
        assert gate_shape(gate).rises()
        gate.first.weight[:, 1] = -0.1
    shape = gate_shape(gate)
    assert shape.along_u > 0.0 > shape.along_v
    assert not shape.rises()


def test_should_fuse_as_the_network_does_when_experts_are_kept_apart(tiny_network, patch):
    experts = Experts(tiny_network)
    views = experts.views(patch.volumes)
    for subset in ((0, 1, 3), (0, 1, 2, 3)):
        fused = experts.fuse([views[m] for m in subset])
        with torch.inference_mode():
            whole = tiny_network.forward_subset(torch.from_numpy(patch.volumes[None, list(subset)]), subset)
        np.testing.assert_allclose(fused.weights, whole.weights[0], atol=1e-6)
        assert (fused.channels == whole.probabilities[0].argmax(0).numpy()).mean() > 0.999
    even = experts.fuse(views, [0.25] * 4)
    assert even.weights.tolist() == [0.25] * 4
    assert fused.weights.tolist() != [0.25] * 4


def test_should_ask_each_modality_for_its_own_preference_when_the_network_has_one(patch):
    network = make_network(seed=5, modality_bias=True)
    with torch.no_grad():
        network.modality_bias.copy_(torch.tensor([0.0, 2.0, -1.0, 0.5]))
    experts = Experts(network)
    views = experts.views(patch.volumes)
    subset = (1, 2, 3)
    fused = experts.fuse([views[m] for m in subset], subset=subset)
    with torch.inference_mode():
        whole = network.forward_subset(torch.from_numpy(patch.volumes[None, list(subset)]), subset)
    np.testing.assert_allclose(fused.weights, whole.weights[0], atol=1e-6)
    found = measure(network, BRAIN_GLIOMA, [patch])
    with torch.inference_mode():
        pair = network.forward_subset(torch.from_numpy(patch.volumes[None, :2]), (0, 1), shortcut=True)
    scores = region_dice(BRAIN_GLIOMA, pair.probabilities[0].argmax(0).numpy(), patch.truth)
    assert found.by_size[2][0] == pytest.approx(np.mean(list(scores.values())), abs=1e-3)


def test_should_measure_clean_and_spoilt_windows_when_a_network_is_run(tiny_network, patch):
    mirrored = TumourPatch(patch.volumes[:, ::-1].copy(), patch.truth[::-1].copy())
    found = measure(tiny_network, BRAIN_GLIOMA, [patch, mirrored])
    assert {size: len(scores) for size, scores in found.by_size.items()} == {1: 8, 2: 12, 3: 8, 4: 2}
    assert len(found.fusions_clean) == 10
    # The first window has no other to swap with.
    assert {kind: len(curves) for kind, curves in found.curves.items()} == {
        "blank": 2,
        "noise": 2,
        "shift": 2,
        "swap": 1,
    }
    assert len(found.lowest) == len(found.fusions_spoilt) == 7
    assert sum(record.spoilt for record in found.experts_spoilt) == 7
    for shares in found.clean_shares:
        assert shares.sum() == pytest.approx(4.0, abs=1e-4)
    assert found.foreground["T1"][1] == 2 * (patch.truth > 0).sum()
    channels = Experts(tiny_network).fuse(Experts(tiny_network).views(patch.volumes)).channels
    assert found.full[0] == pytest.approx(np.mean(list(region_dice(BRAIN_GLIOMA, channels, patch.truth).values())))


def test_should_rebuild_the_network_when_a_bundle_is_restored(tiny_bundle, tiny_network, study):
    network = restore_network(tiny_bundle)
    for name, value in network.state_dict().items():
        expected = torch.zeros_like(value) if name.endswith(".convolution.bias") else tiny_network.state_dict()[name]
        assert torch.equal(value, expected), name
    assert study_agreement(tiny_bundle, network, study) > 0.999
    assert study_agreement(tiny_bundle, make_network(seed=6), study) < 0.999


def test_should_refuse_to_rebuild_when_the_bundle_has_no_oracle(tiny_bundle, monkeypatch):
    monkeypatch.setattr("cloe.export.restore.ORACLE", "oracle/none.onnx")
    with pytest.raises(BundleError, match="no oracle"):
        restore_network(tiny_bundle)


def test_should_exit_with_failure_when_an_untrained_model_is_checked(tiny_bundle_folder, tmp_path, capsys):
    (tmp_path / "log.csv").write_text("step,rate,global,regional,experts\n1,1,0.3,0.3,1\n2,1,0.2,0.2,0.9\n")
    arguments = ["checks", str(tiny_bundle_folder), "--out", str(tmp_path), "--cases", "2", "--spacings", "6"]
    assert main([*arguments, "--no-label-maps", "--no-study", "--log", str(tmp_path / "log.csv")]) == 1
    content = json.loads((tmp_path / "checks.json").read_text())
    outcomes = {(entry["check"], entry["outcome"]) for entry in content["checks"]}
    assert {check for check, _ in outcomes} == set(range(1, 9))
    assert (8, "passed") in outcomes  # graphs and network agree however badly trained
    assert (5, "passed") in outcomes
    assert (7, "not run") in outcomes
    assert any(outcome == "FAILED" for _, outcome in outcomes)
    assert "FAILED" in (tmp_path / "README.md").read_text()
    assert "the eight checks" in capsys.readouterr().out


def test_should_refuse_a_log_that_lacks_the_losses_when_checks_are_run(tiny_bundle_folder, tmp_path, capsys):
    (tmp_path / "log.csv").write_text("step,rate\n1,1\n")
    arguments = ["checks", str(tiny_bundle_folder), "--out", str(tmp_path), "--cases", "1", "--spacings", "6"]
    assert main([*arguments, "--no-label-maps", "--no-study", "--log", str(tmp_path / "log.csv")]) == 1
    assert "no log of a training" in capsys.readouterr().err
