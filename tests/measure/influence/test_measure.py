"""From a model, a pool and queries to evidence: exact, resumable, the same however it is cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.measure.influence.band import with_exact_ranks
from cotmill.measure.influence.config import GateConfig, InfluenceConfig, NewtonConfig
from cotmill.measure.influence.gate import Finding, judged, lds_of, subsets_of, tail_patch
from cotmill.measure.influence.measure import measure_influence
from cotmill.measure.shards import Part
from cotmill.model.load import LanguageModel, load


@pytest.fixture(scope="module")
def tuned(model_folder) -> LanguageModel:
    return load(str(model_folder))


@pytest.fixture(scope="module")
def asked() -> Pool:
    rows = [
        {
            "question": f"Ann has {n} pens.",
            "trace": f"{n}+{n}={2 * n}\n#### {2 * n}" if n % 2 else "#### 1",
            "group": "correct" if n % 2 else "incorrect",
        }
        for n in range(80, 92)
    ]
    return Pool.from_rows(rows)


@pytest.fixture(scope="module")
def whole(tuned, pool, asked) -> Influence:
    return measure_influence(tuned, pool, asked, InfluenceConfig(parts=3))


def columns(found: Influence) -> np.ndarray:
    return np.column_stack([found.score("correct"), found.score("incorrect"), found.gradient_norm])


def test_rows_are_measured_in_the_pools_order_and_empty_ones_flagged(whole, pool):
    assert whole.row_ids.tolist() == pool.ids.tolist()
    assert np.flatnonzero(whole.unmeasured).tolist() == [9, 68]
    assert whole.correct_parts.shape == whole.incorrect_parts.shape == (70, 3)
    assert whole.about["correct_queries"] == whole.about["incorrect_queries"] == "6"
    assert whole.gate == "not run"


def test_a_row_like_the_queries_helps_them_more_than_others(tuned, pool, asked):
    taken = InfluenceConfig(curvature="identity", parts=1)
    same = pool.take(pool.ids[:5])
    own = Pool.from_rows([*same.rows(), *asked.rows()])
    found = measure_influence(tuned, own, asked, taken)
    assert found.score("correct")[5:].mean() > found.score("correct")[:5].mean()


def test_it_goes_on_where_it_stopped_and_parts_make_the_same_whole(tuned, pool, asked, whole, tmp_path):
    told = InfluenceConfig(parts=3)
    for number in range(2):
        measure_influence(tuned, pool, asked, told, work=tmp_path / "work", part=Part(number, 2))
    next((tmp_path / "work" / "rows").glob("shard-000001*")).unlink()
    again = measure_influence(tuned, pool, asked, told, work=tmp_path / "work")
    straight = measure_influence(tuned, pool, asked, told)
    assert again.fingerprint == straight.fingerprint
    # `whole` was measured in one shard, so in other batches.
    np.testing.assert_allclose(columns(again), columns(whole), rtol=1e-3, atol=1e-4)


def test_the_order_of_the_rows_does_not_matter(tuned, pool, asked, whole):
    turned = Pool.from_rows(list(pool.rows())[::-1])
    again = measure_influence(tuned, turned, asked, InfluenceConfig(parts=3)).of(pool)
    known = ~whole.unmeasured
    scale = np.abs(columns(whole)[known]).max(axis=0)
    np.testing.assert_allclose(columns(again)[known] / scale, columns(whole)[known] / scale, atol=2e-3)


@pytest.mark.parametrize("route", ["forward", "differences"])
def test_other_routes_rank_the_rows_alike(tuned, pool, asked, whole, route):
    said: list[str] = []
    told = InfluenceConfig(parts=1, route=route)
    found = measure_influence(tuned, pool, asked, told, say=said.append)
    known = ~whole.unmeasured
    agreed = spearmanr(found.score("correct")[known], whole.score("correct")[known]).statistic
    assert agreed > 0.99
    np.testing.assert_allclose(found.loss_sum[known], whole.loss_sum[known], rtol=1e-4)
    assert any(f"route {route}" in line for line in said)
    assert route == "forward" or float(found.about["agreement"]) >= 0.99


def test_single_queries_as_parts_give_exact_ranks(tuned, pool, asked, whole):
    found = measure_influence(tuned, pool, asked, InfluenceConfig(parts="queries"))
    assert found.correct_parts.shape == (70, 6)
    known = ~found.unmeasured
    np.testing.assert_allclose(
        found.score("correct")[known], whole.score("correct")[known], rtol=1e-3, atol=1e-4
    )
    assert np.isfinite(found.correct_exact[known]).all()


def test_undecided_rows_are_ranked_by_single_queries(tuned, pool, asked, whole):
    single = measure_influence(tuned, pool, asked, InfluenceConfig(parts="queries"))
    undecided = np.zeros(70, dtype=bool)
    undecided[[2, 9, 30, 41]] = True
    found = with_exact_ranks(tuned, pool, asked, whole, undecided, InfluenceConfig(parts=3))
    here = [2, 30, 41]  # row 9 has no label
    assert np.flatnonzero(np.isfinite(found.incorrect_exact)).tolist() == here
    np.testing.assert_allclose(found.rank("correct")[here], single.rank("correct")[here], atol=0.02)
    others = np.setdiff1d(np.arange(70), [*here, 9, 68])
    np.testing.assert_array_equal(found.rank("correct")[others], whole.rank("correct")[others])
    nothing = np.zeros(70, dtype=bool)
    assert with_exact_ranks(tuned, pool, asked, whole, nothing, InfluenceConfig(parts=3)) is whole


def test_refined_directions_say_how_far_they_came(tuned, pool, asked, whole):
    told = InfluenceConfig(parts=3, refine=NewtonConfig(iterations=3, rows=20))
    found = measure_influence(tuned, pool, asked, told)
    for seen in found.about["residuals"].split("; "):
        numbers = [float(word) for word in seen.split()]
        assert len(numbers) == 4
        assert numbers[-1] < numbers[0]
    known = ~whole.unmeasured
    assert spearmanr(found.score("correct")[known], whole.score("correct")[known]).statistic > 0.5


def test_the_gate_takes_real_steps_and_leaves_the_weights_alone(tuned, pool, asked, whole):
    before = {name: part.clone() for name, part in tuned.model.named_parameters()}
    findings = tail_patch(tuned, pool, asked, whole, GateConfig(pairs=6))
    assert all((part == before[name]).all() for name, part in tuned.model.named_parameters())
    assert [one.group for one in findings] == ["correct", "incorrect"]
    upside_down = replace(whole, correct_parts=-whole.correct_parts)
    wrong = tail_patch(tuned, pool, asked, upside_down, GateConfig(pairs=6))
    assert wrong[0].value < 0.5 < findings[0].value
    assert judged(upside_down, wrong).gate == "failed"
    assert judged(whole, []).gate == "not run"


def test_sums_of_scores_are_held_against_losses():
    pool = Pool.from_rows({"question": f"q{n}", "trace": str(n)} for n in range(40))
    chosen = subsets_of(pool, 30, 0.5)
    assert (chosen.sum(axis=1) == 20).all()
    scores = np.random.default_rng(0).standard_normal(40)
    losses = 5 - chosen @ scores
    found = lds_of(scores, chosen, losses, "correct")
    assert found.value == pytest.approx(1.0)
    assert found.passed
    assert not lds_of(-scores, chosen, losses, "correct").passed
    alike = lds_of(np.ones_like(scores), np.ones_like(chosen), losses, "correct")
    assert (alike.value, alike.passed) == (0.0, False)
    assert "failed" in str(Finding("correct", "group-LDS", 0.1, 30, 0.3))


def test_queries_without_groups_are_refused(tuned, pool):
    with pytest.raises(DataError, match="column group"):
        measure_influence(tuned, pool, pool.take(pool.ids[:3]))
