"""Influence as evidence: ranks, length control, what it holds besides, two models against each other."""

from __future__ import annotations

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import content_id
from cotmill.evidence import Evidence, Influence, Lengths, Losses, Scores
from cotmill.evidence.influence import agreement


def make(rows: int = 40, *, noise: float = 0.0, parts: int = 4, other: int = 3, empty: int = 0) -> Influence:
    """Row i has the score i - rows / 2 on both groups, in parts of unequal size, plus noise."""
    rng = np.random.default_rng(7)
    wanted = np.arange(rows) - rows / 2
    shares = {"correct": np.arange(1, parts + 1.0), "incorrect": np.arange(1, other + 1.0)}
    columns = {
        f"{name}_parts": wanted[:, None] * (share / share.sum())
        + noise * rng.standard_normal((rows, len(share)))
        for name, share in shares.items()
    }
    unknown = np.full(rows, np.nan)
    tokens = np.where(np.arange(rows) < empty, 0, np.arange(rows) + 5)
    return Influence(
        row_ids=[content_id(str(number)) for number in range(rows)],
        correct_exact=unknown,
        incorrect_exact=unknown,
        gradient_norm=tokens * 2.0,
        loss_sum=tokens * 1.5,
        tokens=tokens,
        truncated=np.zeros(rows, dtype=bool),
        **columns,
    )


def test_parts_add_up_to_the_score_and_their_ranks_average_to_the_rank():
    found = make()
    np.testing.assert_allclose(found.score("correct"), np.arange(40) - 20.0)
    np.testing.assert_allclose(found.rank("incorrect"), np.arange(40) / 39)


def test_rows_without_label_tokens_have_neither_score_nor_rank():
    found = make(empty=3)
    assert np.isnan(found.score("correct")[:3]).all()
    assert np.isnan(found.rank("correct")[:3]).all()
    assert np.isfinite(found.rank("correct")[3:]).all()


def test_length_is_controlled_in_three_ways():
    found = make()
    lengths = found.tokens
    np.testing.assert_allclose(found.score("correct", "token"), found.score("correct") / lengths)
    np.testing.assert_allclose(found.score("correct", "norm"), found.score("correct") / (2 * lengths))
    rest = found.score("correct", "regressed")
    np.testing.assert_allclose(rest, 0.0, atol=1e-9)  # here the score is a straight line in the length


def test_ranks_of_single_queries_replace_those_of_parts_where_they_were_measured():
    found = make()
    known = np.full(len(found), np.nan)
    known[5] = 0.75
    exact = Influence(**{**vars(found), "correct_exact": known})
    assert exact.rank("correct")[5] == 0.75
    assert exact.rank("correct")[6] == found.rank("correct")[6]
    assert exact.rank("correct", "token")[5] != 0.75


def test_a_missing_group_is_an_error_that_says_what_to_do():
    with pytest.raises(EvidenceError, match="no incorrect queries"):
        make(other=0).score("incorrect")


def test_it_survives_the_disk_and_holds_losses_lengths_and_scores(tmp_path):
    found = make(other=0, noise=1.0)
    again = Evidence.read(found.write(tmp_path / "influence.parquet"))
    assert isinstance(again, Influence)
    assert again.fingerprint == found.fingerprint
    assert again.incorrect_parts.shape == (40, 0)
    assert isinstance(again.to(Losses), Losses)
    assert isinstance(again.to(Lengths), Lengths)
    scores = again.to(Scores)
    assert isinstance(scores, Scores)
    np.testing.assert_allclose(scores.values, found.score("correct"))


def test_scores_that_are_not_finite_are_refused():
    parts = np.full((40, 2), np.nan)
    with pytest.raises(EvidenceError, match="no finite influence on the correct queries"):
        Influence(**{**vars(make()), "correct_parts": parts})


def test_agreement_is_one_with_itself_and_less_with_noise():
    same = agreement(make(), make())
    assert set(same) == {"correct", "incorrect"}
    assert same["correct"]["spearman"] == pytest.approx(1.0)
    assert same["correct"]["shared_lowest"] == 1.0
    noisy = agreement(make(), make(noise=20.0))["correct"]
    assert noisy["spearman"] < 0.9
    with pytest.raises(EvidenceError, match="different rows"):
        agreement(make(), make(rows=20))
