from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from cloe.model.consistency import disagreement, expert_score, pairwise_similarity
from cloe.model.gate import Gate, masked_softmax, spread_score


def random_maps(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.softmax(2.0 * torch.randn(2, 4, 3, 6, 5, 4, generator=generator), dim=2)


def test_should_equal_the_library_cosine_when_similarities_come_from_one_gram_matrix():
    maps = random_maps()
    weight = torch.rand(2, 1, 6, 5, 4)
    for factor in (None, weight):
        similarity, _ = pairwise_similarity(maps, factor)
        flat = (maps if factor is None else maps * factor.unsqueeze(1)).flatten(2)
        for a in range(4):
            for b in range(4):
                expected = functional.cosine_similarity(flat[:, a], flat[:, b], dim=1)
                torch.testing.assert_close(similarity[:, a, b], expected, atol=1e-5, rtol=0)


def test_should_stay_finite_when_a_map_is_all_zero():
    maps = random_maps()
    maps[:, 1] = 0.0
    similarity, squared_norm = pairwise_similarity(maps)
    assert torch.isfinite(similarity).all()
    assert (similarity[:, 1] == 0.0).all()
    assert (squared_norm[:, 1] == 0.0).all()


def test_should_average_over_available_partners_only_when_one_is_missing():
    similarity = torch.tensor([[[1.0, 0.2, 0.4, 0.9], [0.2, 1.0, 0.6, 0.9], [0.4, 0.6, 1.0, 0.9], [0.9] * 4]])
    available = torch.tensor([[True, True, True, False]])
    assert expert_score(similarity, available)[0].tolist() == pytest.approx([0.3, 0.4, 0.5, 0.0])
    assert disagreement(similarity, available).item() == pytest.approx((0.8 + 0.6 + 0.4) / 3)


def test_should_separate_a_bad_expert_better_when_only_the_region_counts():
    truth = torch.zeros(1, 2, 32, 32, 32)
    truth[:, 1, 12:20, 12:20, 12:20] = 1.0
    truth[:, 0] = 1.0 - truth[:, 1]
    blank = torch.zeros_like(truth)
    blank[:, 0] = 1.0
    maps = torch.stack((truth, truth, blank), dim=1)
    region = 0.1 + 0.8 * truth[:, 1:]
    available = torch.ones(1, 3, dtype=torch.bool)
    overall = expert_score(pairwise_similarity(maps)[0], available)[0]
    regional = expert_score(pairwise_similarity(maps, region)[0], available)[0]
    assert overall[2] > 0.95
    assert regional[2] < 0.6
    assert regional[0] - regional[2] > overall[0] - overall[2]


def test_should_reproduce_the_documented_stretch_when_scores_are_near_one():
    stretched = spread_score(torch.tensor([0.995, 0.983, 0.936, 0.958]))
    assert stretched.tolist() == pytest.approx([5.28, 4.07, 2.75, 3.17], abs=0.01)


def test_should_stay_finite_when_rounding_lifts_a_score_above_one():
    assert torch.isfinite(spread_score(torch.tensor([1.0, 1.0000002]))).all()


def test_should_give_exact_zero_when_softmax_meets_a_missing_modality_with_a_huge_logit():
    weights = masked_softmax(torch.tensor([[1.0, 500.0, -3.0]]), torch.tensor([[True, False, True]]))
    assert weights[0, 1].item() == 0.0
    assert weights[0, [0, 2]].tolist() == pytest.approx(torch.softmax(torch.tensor([1.0, -3.0]), 0).tolist())


def test_should_give_the_same_logit_when_scores_are_equal_whatever_the_modality():
    torch.manual_seed(0)
    gate = Gate()
    torch.nn.init.normal_(gate.second.weight)
    logits = gate(torch.tensor([[0.9, 0.5, 0.9]]), torch.tensor([[0.7, 0.5, 0.7]]))
    assert logits[0, 0] == logits[0, 2]
    assert logits[0, 0] != logits[0, 1]
