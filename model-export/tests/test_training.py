from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from cloe.model.build import ARCHITECTURES, build_network
from cloe.model.network import ConsistencyGatedNetwork, NetworkConfiguration
from cloe.model.objective import total_loss
from cloe.phantom.case import make_case
from cloe.training import sampling as sampling_module
from cloe.training import trainer as trainer_module
from cloe.training.checkpoint import DamagedCheckpointError, load_checkpoint, load_network
from cloe.training.corruption import Corruption, corrupt
from cloe.training.mixture import FixedPool, Share
from cloe.training.pool import build_pool, case_spacing, load_pool
from cloe.training.sampling import Sampling, draw_sample
from cloe.training.trainer import TrainingPlan, learning_rate, train, update_average
from conftest import store_coarse_pool


@pytest.fixture(scope="module")
def pool_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    store_coarse_pool(folder, cases=3, spacing=4.0)
    return folder


# In full precision: half precision convolutions of such small patches do not repeat (see the README).
TINY_PLAN = TrainingPlan(
    steps=6,
    batch=2,
    patch=16,
    large_patch=24,
    network=NetworkConfiguration(base_width=2),
    seed=3,
    half_precision=False,
)


def test_should_store_what_normalisation_needs_when_a_pool_is_built(pool_folder):
    for case in load_pool(pool_folder):
        brain = case.images[0] != 0
        for channel, image in enumerate(case.images):
            assert case.mean[channel] == pytest.approx(image[brain].mean(), rel=1e-4)
            assert case.deviation[channel] == pytest.approx(image[brain].std(), rel=1e-4)
        labels = case.labels[tuple(case.tumour.T)]
        assert (labels > 0).all()
        assert set(np.unique(labels)) == set(np.unique(case.labels)) - {0}


def test_should_make_only_missing_cases_when_a_pool_is_complete(pool_folder):
    before = {path.name: path.stat().st_mtime_ns for path in pool_folder.iterdir()}
    build_pool(pool_folder, 3, 7, use_label_maps=False)
    assert {path.name: path.stat().st_mtime_ns for path in pool_folder.iterdir()} == before


def test_should_refuse_when_the_pool_is_empty(tmp_path):
    with pytest.raises(ValueError, match="pool"):
        load_pool(tmp_path)


def test_should_stay_in_the_trained_range_when_spacings_are_drawn():
    spacings = [case_spacing(1, index) for index in range(300)]
    assert min(spacings) == 1.0
    assert 2.3 < max(spacings) <= 2.5
    assert 0.25 < np.mean(np.array(spacings) == 1.0) < 0.45


def test_should_draw_every_subset_about_equally_when_many_samples_are_drawn(pool_folder):
    pool = load_pool(pool_folder)
    counts: dict[tuple[int, ...], int] = {}
    for index in range(600):
        sample = draw_sample(np.random.default_rng(index), pool, 8, Sampling())
        counts[sample.subset] = counts.get(sample.subset, 0) + 1
        assert sample.volumes.shape == (len(sample.subset), 8, 8, 8)
        assert sample.volumes.dtype == np.float32
        assert sample.trusted.sum() >= len(sample.subset) - 1
    assert len(counts) == 15
    assert min(counts.values()) > 15


def test_should_pad_with_background_when_a_patch_is_larger_than_the_case(pool_folder):
    pool = load_pool(pool_folder)
    sample = draw_sample(np.random.default_rng(0), pool, 72, Sampling(corruption=0.0))
    assert sample.labels.shape == (72, 72, 72)
    assert (sample.volumes[:, sample.labels == 0] == 0.0).any()


def test_should_spoil_one_of_several_modalities_only_when_corruption_is_certain(pool_folder):
    pool = load_pool(pool_folder)
    for index in range(60):
        sample = draw_sample(np.random.default_rng(index), pool, 8, Sampling(corruption=1.0))
        assert (~sample.trusted).sum() == (1 if len(sample.subset) > 1 else 0)


def test_should_keep_image_and_label_together_when_patches_are_mirrored(pool_folder):
    pool = load_pool(pool_folder)
    quiet = draw_sample(np.random.default_rng(11), pool, 16, Sampling(corruption=0.0, flip=0.0))
    turned = draw_sample(np.random.default_rng(11), pool, 16, Sampling(corruption=0.0, flip=1.0))
    np.testing.assert_array_equal(turned.labels, quiet.labels[::-1, ::-1, ::-1])
    np.testing.assert_array_equal(turned.volumes, quiet.volumes[:, ::-1, ::-1, ::-1])


def ball(shape, centre, radius=3.0):
    grid = np.stack(np.meshgrid(*(np.arange(length) for length in shape), indexing="ij"), -1)
    return np.linalg.norm(grid - np.array(centre), axis=-1) <= radius


@pytest.mark.parametrize("seed", range(5))
def test_should_move_a_ball_on_a_circle_about_the_middle_when_a_patch_is_turned(seed):
    shape = (24, 48, 36)
    labels = ball(shape, (16, 12, 24)).astype(np.uint8)
    volumes = np.where(labels, 2.0, 0.5).astype(np.float32)[None]
    sampling = Sampling(turn=25.0)
    turned, with_labels = sampling_module._turned(np.random.default_rng(seed), volumes, labels, sampling)
    middle = (np.array(shape) - 1) / 2
    before, after = (np.argwhere(array).mean(0) - middle for array in (labels, with_labels))
    assert np.linalg.norm(after - before) > 1.0
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), abs=0.5)
    assert int(with_labels.sum()) == pytest.approx(int(labels.sum()), rel=0.2)
    # Image and labels moved together.
    assert turned[0][with_labels == 1].mean() > 1.5
    assert turned[0][~ball(shape, after + middle, 6.0) & (turned[0] != 0)].max() == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_should_change_the_size_of_a_ball_no_more_than_asked_for_when_a_patch_is_stretched(seed):
    labels = ball((32, 32, 32), (15.5, 15.5, 15.5), 9.0).astype(np.uint8)
    volumes = np.ones((2, 32, 32, 32), np.float32)
    _, stretched = sampling_module._turned(np.random.default_rng(seed), volumes, labels, Sampling(stretch=0.2))
    lengths = np.ptp(np.argwhere(stretched), 0) + 1
    assert ((lengths >= 18 / 1.2 - 1) & (lengths <= 18 / 0.8 + 1)).all()
    assert (lengths != 18).any()


def test_should_keep_the_background_exactly_zero_when_patches_are_turned(pool_folder):
    pool = load_pool(pool_folder)
    for index in range(20):
        sampling = Sampling(corruption=0.0, turn=20.0, stretch=0.1)
        sample = draw_sample(np.random.default_rng(index), pool, 24, sampling)
        outside = (sample.volumes == 0).all(0)
        assert outside.any()
        assert not sample.labels[outside].any()


def test_should_leave_patches_as_they_were_when_nothing_is_turned(pool_folder):
    pool = load_pool(pool_folder)
    plain = draw_sample(np.random.default_rng(4), pool, 16, Sampling())
    still = draw_sample(np.random.default_rng(4), pool, 16, Sampling(turn=0.0, stretch=0.0))
    np.testing.assert_array_equal(plain.volumes, still.volumes)


def test_should_draw_patches_of_the_sources_own_size_when_it_has_one(pool_folder):
    shares = [Share(FixedPool(pool_folder), patch=(8, 24, 16))]
    for shared in (False, True):
        plan = replace(TINY_PLAN, shared_subset=shared)
        drawn = [draw() for group in trainer_module._draws(plan, 5, shares) for draw in group]
        assert [sample.labels.shape for sample in drawn] == [(8, 24, 16)] * 2


@pytest.mark.parametrize("kind", list(Corruption))
def test_should_change_the_patch_but_not_when_strength_is_zero(kind):
    patch = np.random.default_rng(0).standard_normal((16, 16, 16)).astype(np.float32)
    patch[:4] = 0.0
    other = np.ones_like(patch)
    spoilt = corrupt(np.random.default_rng(1), patch, kind, other)
    assert spoilt.dtype == np.float32
    assert not np.allclose(spoilt, patch)
    np.testing.assert_allclose(corrupt(np.random.default_rng(1), patch, kind, other, strength=0.0), patch, atol=1e-6)


def test_should_keep_unit_deviation_and_empty_background_when_noise_is_added():
    patch = np.random.default_rng(0).standard_normal((24, 24, 24)).astype(np.float32)
    patch[:8] = 0.0
    spoilt = corrupt(np.random.default_rng(1), patch, Corruption.NOISE)
    assert (spoilt[:8] == 0.0).all()
    assert spoilt[8:].std() == pytest.approx(1.0, abs=0.05)


def test_should_warm_up_then_fall_to_zero_when_the_schedule_runs():
    plan = TrainingPlan(steps=100, warm_up=10, learning_rate=1.0)
    rates = [learning_rate(plan, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9]
    assert rates[-1] < 0.02


def test_should_approach_the_weights_when_they_are_averaged():
    layer = torch.nn.Linear(2, 2)
    averaged = {name: torch.zeros_like(value) for name, value in layer.state_dict().items()}
    for step in range(200):
        update_average(averaged, layer, 0.9, step)
    torch.testing.assert_close(averaged["weight"], layer.weight.detach(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("shared", [False, True])
def test_should_end_at_the_same_bits_when_training_is_interrupted_and_resumed(pool_folder, tmp_path, shared):
    plan = replace(TINY_PLAN, shared_subset=shared)
    whole = train(plan, pool_folder, tmp_path / "whole", log_every=3, save_every=100)
    interrupted = tmp_path / "parts"
    original = torch.optim.Adam.step
    calls = {"left": 4}

    def stop_after_four(self, *arguments, **keywords):
        if calls["left"] == 0:
            raise KeyboardInterrupt
        calls["left"] -= 1
        return original(self, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", stop_after_four)
        with pytest.raises(KeyboardInterrupt):
            train(plan, pool_folder, interrupted, log_every=3, save_every=2)
    assert load_checkpoint(interrupted / "checkpoint.pt")["step"] == 4
    resumed = train(plan, pool_folder, interrupted, log_every=3, save_every=2)
    first, second = load_checkpoint(whole), load_checkpoint(resumed)
    assert first["step"] == second["step"] == 6
    for part in ("network", "averaged"):
        assert [name for name in first[part] if not torch.equal(first[part][name], second[part][name])] == []
    rows = [list(csv.reader((folder / "log.csv").open())) for folder in (tmp_path / "whole", interrupted)]
    assert rows[0][0][:3] == ["step", "rate", "total"]
    assert [[row[0] for row in table[1:]] for table in rows] == [["3", "6"], ["3", "6"]]


def test_should_pass_patches_of_one_subset_together_when_it_is_shared(pool_folder, tmp_path):
    plan = replace(TINY_PLAN, batch=3, steps=12, large_after=0.5, large_share=1.0, shared_subset=True)
    seen = []
    original = ConsistencyGatedNetwork.forward_subset

    def look(self, volumes, subset, **keywords):
        seen.append((volumes.shape, subset, len({patch.sum().item() for patch in volumes})))
        return original(self, volumes, subset, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConsistencyGatedNetwork, "forward_subset", look)
        train(plan, pool_folder, tmp_path)
    assert [shape for shape, _, _ in seen] == [
        (3, len(subset), *(size,) * 3)
        for (_, subset, _), size in zip(seen, [plan.patch] * 6 + [plan.large_patch] * 6, strict=True)
    ]
    assert {different for _, _, different in seen} == {3}
    assert len({subset for _, subset, _ in seen}) > 3


def test_should_leave_the_weights_alone_when_a_gradient_is_not_finite(pool_folder, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer_module, "total_loss", spoilt_loss)
        path = train(replace(TINY_PLAN, steps=2), pool_folder, tmp_path, save_every=100)
    torch.manual_seed(TINY_PLAN.seed)
    untrained = ConsistencyGatedNetwork(TINY_PLAN.network)
    for name, value in load_checkpoint(path)["averaged"].items():
        torch.testing.assert_close(value, untrained.state_dict()[name])


def spoilt_loss(*arguments):
    loss, parts = total_loss(*arguments)
    return loss * float("nan"), parts


def test_should_load_the_averaged_network_when_a_checkpoint_is_read(pool_folder, tmp_path):
    path = train(TINY_PLAN, pool_folder, tmp_path, log_every=3, save_every=100)
    network, content = load_network(path)
    assert not network.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, content["averaged"][name])
    assert content["plan"]["steps"] == 6


def test_should_refuse_when_the_run_folder_holds_another_network(pool_folder, tmp_path):
    train(TINY_PLAN, pool_folder, tmp_path, save_every=100)
    other = TrainingPlan(steps=6, patch=16, network=NetworkConfiguration(base_width=3), half_precision=False)
    with pytest.raises(ValueError, match="another network"):
        train(other, pool_folder, tmp_path)


def test_should_refuse_when_the_run_folder_holds_another_plan_but_not_other_steps(pool_folder, tmp_path):
    train(replace(TINY_PLAN, steps=2), pool_folder, tmp_path)
    with pytest.raises(ValueError, match="learning_rate"):
        train(replace(TINY_PLAN, learning_rate=1e-4), pool_folder, tmp_path)
    assert load_checkpoint(train(replace(TINY_PLAN, steps=3), pool_folder, tmp_path))["step"] == 3


def test_should_refuse_a_checkpoint_when_a_byte_changed(pool_folder, tmp_path):
    path = train(replace(TINY_PLAN, steps=1), pool_folder, tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpointError):
        load_checkpoint(path)


def test_should_start_from_given_weights_when_a_run_is_new(pool_folder, tmp_path):
    first = train(replace(TINY_PLAN, steps=2), pool_folder, tmp_path / "first")
    second = train(replace(TINY_PLAN, steps=0), pool_folder, tmp_path / "second", initial=load_network(first)[0])
    # No step is taken, so nothing is written: one step at rate 0 keeps what was given.
    assert not second.exists()
    second = train(
        replace(TINY_PLAN, steps=1, learning_rate=0.0), pool_folder, tmp_path / "second", initial=load_network(first)[0]
    )
    expected = load_network(first)[0].state_dict()
    for name, value in load_checkpoint(second)["network"].items():
        torch.testing.assert_close(value, expected[name], atol=0, rtol=0)


def test_should_refuse_to_start_from_weights_when_they_are_of_another_network(pool_folder, tmp_path):
    other = build_network(replace(TINY_PLAN.network, base_width=4))
    with pytest.raises(ValueError, match="another network"):
        train(TINY_PLAN, pool_folder, tmp_path, initial=other)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_should_draw_patches_near_tumours_as_often_as_asked_for(pool_folder, share):
    pool = [case for case in load_pool(pool_folder) if len(case.tumour)]
    random = np.random.default_rng(0)
    sampling = Sampling(corruption=0.0, tumour=share)
    found = np.mean([draw_sample(random, pool, 8, sampling).labels.any() for _ in range(200)])
    assert found > 0.95 if share else found < 0.7


def test_should_hold_every_expert_to_the_labels_when_sampling_is_complete(pool_folder, tmp_path):
    sampling = Sampling(corruption=1.0, complete=True)
    cases = load_pool(pool_folder)
    for index in range(20):
        sample = draw_sample(np.random.default_rng(index), cases, (8, 16, 24), sampling)
        assert sample.volumes.shape == (4, 8, 16, 24)
        assert tuple(np.flatnonzero(sample.drawn)) == sample.subset
        assert sample.drawn[~sample.trusted].all()
    network = ConsistencyGatedNetwork(NetworkConfiguration(base_width=2))
    volumes = torch.randn(1, 4, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    drawn = torch.tensor([[True, False, True, True]])
    complete = network.forward_complete(volumes, drawn)
    only_drawn = network.forward_subset(volumes[:, [0, 2, 3]], (0, 2, 3))
    torch.testing.assert_close(complete.probabilities, only_drawn.probabilities)
    torch.testing.assert_close(complete.weights[:, [0, 2, 3]], only_drawn.weights)
    assert complete.weights[0, 1] == 0.0
    assert complete.expert_probabilities[0, 1].sum() > 0.0
    train(replace(TINY_PLAN, steps=1, sampling=sampling), pool_folder, tmp_path)


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES) - {"cloe"}))
def test_should_change_the_weights_when_a_peer_is_trained(pool_folder, tmp_path, architecture):
    configuration = NetworkConfiguration(base_width=4, architecture=architecture)
    plan = replace(TINY_PLAN, steps=1, large_patch=16, network=configuration)
    torch.manual_seed(plan.seed)
    before = build_network(configuration).state_dict()
    after = load_checkpoint(train(plan, pool_folder, tmp_path))["network"]
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(torch.isfinite(value).all() for value in after.values())


def test_should_learn_when_a_tiny_network_sees_one_case_again_and_again(pool_folder, tmp_path):
    plan = TrainingPlan(
        steps=60,
        batch=1,
        patch=16,
        large_share=0.0,
        learning_rate=5e-3,
        network=NetworkConfiguration(base_width=2),
        sampling=Sampling(corruption=0.0, flip=0.0),
        half_precision=False,
    )
    train(plan, pool_folder, tmp_path, log_every=15, save_every=1000)
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert float(rows[-1]["region"]) < 0.9 * float(rows[0]["region"])
    assert float(rows[-1]["experts"]) < float(rows[0]["experts"])


def test_should_describe_every_case_when_a_pool_is_stored(pool_folder):
    description = json.loads(sorted(pool_folder.glob("*.json"))[0].read_text())
    assert description["anatomy"] == "procedural"
    assert description["description"] == make_case((7, 0), 4.0).description
