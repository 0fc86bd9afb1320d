"""What every selector must do; a new method joins by its line in SELECTORS."""

import inspect
import pickle  # noqa: TID251 - configs cross process borders, so they must pickle
import pkgutil
import re
import tomllib
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import cotmill.select
from cotmill.core.errors import EvidenceError, RecipeError
from cotmill.data.pool import Pool
from cotmill.evidence import (
    Embeddings,
    Evidence,
    Influence,
    Lengths,
    Losses,
    PassRates,
    Readings,
    Scores,
    Trajectories,
)
from cotmill.select import SELECTORS, Extras, Method, Selection

ROWS = 120
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
MACHINERY = {"bands", "budget", "cluster", "cover", "curves", "drawing", "limits"}
MACHINERY |= {"overlap", "pick", "protocol", "selection", "update"}
"""Modules of cotmill.select that are not a method."""


def make_pool(rows: range = range(ROWS)) -> Pool:
    return Pool.from_rows(
        {"question": f"q{i}", "trace": "s " * (i % 7 + 1) + f"#### {i}", "source": "abc"[min(i % 5, 2)]}
        for i in rows
    )


def evidence_for(method: Method, pool: Pool) -> Evidence:
    """What the method needs; kinds that trajectories do not hold are made from them."""
    trajectories = make_evidence(pool)
    if method.needs is Scores:
        return Scores(row_ids=pool.ids, values=trajectories.mean[:, -1])
    if method.needs is Influence:
        return make_influence(trajectories)
    if method.needs is Readings:
        return make_readings(trajectories)
    if method.needs is Embeddings:
        return Embeddings(row_ids=pool.ids, vectors=np.column_stack([trajectories.mean, trajectories.tokens]))
    if method.needs is PassRates:
        ids = pool.column("example_id")
        return PassRates(row_ids=ids, correct=trajectories.tokens % 5, samples=np.full(len(pool), 4))
    return trajectories


def make_readings(trajectories: Trajectories) -> Readings:
    losses = trajectories.losses(-1)
    return Readings(
        row_ids=losses.row_ids,
        loss_sum=losses.loss_sum,
        tokens=losses.tokens,
        truncated=losses.truncated,
        end_loss=losses.loss_sum / 9,
        confidence_sum=losses.tokens * np.exp(-losses.mean),
        top_sum=losses.tokens * np.exp(-losses.mean / 2),
        rank_sum=losses.tokens * (1 + losses.mean**2),
        bare_loss_sum=losses.loss_sum * (1.1 + losses.tokens % 3),
        bare_tokens=losses.tokens,
        gradient_norm=losses.mean**0.5,
    )


def extras_for(method: Method) -> Extras:
    """Queries, where the method wants them."""
    asked = Pool.from_rows({"question": f"q{i} or q{i + 3}", "trace": "#### 1"} for i in range(0, 90, 30))
    if method.asks is Embeddings:
        vectors = np.random.default_rng(0).gamma(2, 1, (3, 5))
        return Extras(queries=Embeddings(row_ids=asked.ids, vectors=vectors))
    return Extras(queries=asked)


def make_influence(trajectories: Trajectories) -> Influence:
    """Influence of the same rows and tokens, out of the numbers that are there."""
    parts, unknown = trajectories.mean, np.full(len(trajectories), np.nan)
    return Influence(
        row_ids=trajectories.row_ids,
        correct_parts=parts - 1,
        incorrect_parts=parts[:, :3] ** 2 - parts[:, 1:] ** 3,
        correct_exact=unknown,
        incorrect_exact=unknown,
        gradient_norm=parts[:, 0],
        loss_sum=trajectories.loss_sum[:, -1],
        tokens=trajectories.tokens,
        truncated=trajectories.truncated,
    )


def make_evidence(pool: Pool) -> Trajectories:
    number = np.array([int(question[1:]) for question in pool.column("question").to_pylist()])
    tokens = number % 17 + 3
    level = 1 + (number * 7919 % 101) / 50
    curves = level[:, None] * np.exp(-np.arange(4) * (number % 3)[:, None] / 4)
    return Trajectories(
        row_ids=pool.ids,
        pool_fingerprint=pool.fingerprint,
        model_fingerprint="model",
        loss_sum=(curves * tokens[:, None]),
        tokens=tokens,
        steps=np.array([100, 200, 300, 400]),
        truncated=number % 40 == 0,
    )


@pytest.fixture(params=sorted(SELECTORS))
def method(request: pytest.FixtureRequest) -> Method:
    return SELECTORS[request.param]()


def chosen(method: Method, pool: Pool, evidence: Evidence | None = None, **told) -> Selection:
    """Select, with queries where the method wants them."""
    return method(pool, evidence, extras=extras_for(method), **told)


@pytest.mark.parametrize(("budget", "rows"), [("1", 1), ("10%", 12), (77, 77), ("100%", ROWS)])
def test_the_budget_is_met_with_distinct_rows_of_the_pool(method: Method, budget: str | int, rows: int):
    pool = make_pool()
    selection = chosen(method, pool, evidence_for(method, pool), budget=budget, seed=0)
    assert len(selection) == len(selection.row_ids) == len(set(selection.row_ids)) == rows
    assert set(selection.row_ids) <= set(pool.ids)
    assert len(selection.apply(pool)) == rows


def test_a_token_budget_is_met_from_below_by_less_than_the_next_row(method: Method):
    pool = make_pool()
    lengths = make_evidence(pool).to(Lengths)
    selection = chosen(method, pool, evidence_for(method, pool), budget="400tok", seed=0, lengths=lengths)
    tokens = lengths.tokens[selection.taken].sum()
    next_row = selection.table["place"].to_numpy().tolist().index(len(selection))
    assert tokens <= 400 < tokens + lengths.tokens[next_row]
    assert selection.summary["tokens_below_budget"] == 400 - tokens


def test_one_seed_makes_one_choice(method: Method):
    pool = make_pool()
    first, second = (chosen(method, pool, evidence_for(method, pool), budget=30, seed=5) for _ in range(2))
    assert first.table.equals(second.table)
    assert (
        first.key
        == second.key
        == method.key(pool, evidence_for(method, pool), budget=30, seed=5, extras=extras_for(method))
    )
    assert first.summary == second.summary


def test_a_larger_budget_keeps_every_row_of_a_smaller_one(method: Method):
    pool = make_pool()
    kept: set[str] = set()
    for budget in (1, 2, 7, 19, 20, 50, 119, ROWS):
        taken = set(chosen(method, pool, evidence_for(method, pool), budget=budget, seed=2).row_ids)
        assert kept < taken
        kept = taken


def test_the_order_of_the_rows_does_not_matter(method: Method):
    pool = make_pool()
    shuffled = Pool.from_table(pool.table().take(np.random.default_rng(0).permutation(ROWS)))
    evidence = evidence_for(method, pool)
    straight = chosen(method, pool, evidence, budget=31, seed=1)
    mixed = chosen(method, shuffled, evidence, budget=31, seed=1)
    assert set(straight.row_ids) == set(mixed.row_ids)
    by_id = {row["row_id"]: row for row in straight.table.to_pylist()}
    assert all(by_id[row["row_id"]] == row for row in mixed.table.to_pylist())


def test_evidence_of_a_larger_pool_serves_a_part_of_it(method: Method):
    pool = make_pool()
    part = make_pool(range(20, 80))
    assert set(chosen(method, part, evidence_for(method, pool), budget=9, seed=0).row_ids) <= set(part.ids)


def test_evidence_of_another_pool_is_refused_by_the_first_missing_row(method: Method):
    if method.needs is None:
        pytest.skip("uses no evidence")
    pool = make_pool()
    first = pool.column(method.needs.id_column)[100].as_py()
    with pytest.raises(EvidenceError, match=f"20 of {ROWS} pool rows.*first: '{first}'"):
        chosen(method, pool, evidence_for(method, make_pool(range(100))), budget=9, seed=0)
    with pytest.raises(EvidenceError, match="needs"):
        chosen(method, pool, budget=9, seed=0)


def test_not_a_number_is_refused(method: Method):
    if method.needs in (None, Lengths):
        pytest.skip("uses no numbers that could be NaN")
    if method.needs in (Embeddings, PassRates, Readings):
        broken = evidence_for(method, make_pool())
        name = {Embeddings: "vectors", PassRates: "correct", Readings: "rank_sum"}[method.needs]
        values = getattr(broken, name).copy()
        values[3] = 99 if method.needs is PassRates else np.nan
        with pytest.raises(EvidenceError, match=f"1 of {ROWS} rows.*first: '{broken.row_ids[3]}'"):
            replace(broken, **{name: values})
        return
    if method.needs is Scores:
        with pytest.raises(EvidenceError, match="1 of 2 rows"):
            Scores(row_ids=["a", "b"], values=np.array([1.0, np.nan]))
        return
    evidence = make_evidence(make_pool())
    loss_sum = evidence.loss_sum.copy()
    loss_sum[3, 1] = np.nan
    with pytest.raises(EvidenceError, match=f"1 of {ROWS} rows.*first: '{evidence.row_ids[3]}'"):
        Trajectories(row_ids=evidence.row_ids, loss_sum=loss_sum, tokens=evidence.tokens,
                     steps=evidence.steps, truncated=evidence.truncated)  # fmt: skip


def test_rows_without_label_tokens_are_taken_last(method: Method):
    if method.needs in (None, Scores, Embeddings, PassRates):
        pytest.skip("does not know of label tokens")
    pool = make_pool()
    full = make_evidence(pool)
    tokens = np.where(np.arange(ROWS) % 10 == 0, 0, full.tokens)
    evidence = Trajectories(row_ids=pool.ids, loss_sum=full.loss_sum, tokens=tokens, steps=full.steps,
                            truncated=full.truncated)  # fmt: skip
    if method.needs is Readings:
        evidence = replace(make_readings(evidence), tokens=tokens)
    if method.needs is Influence:
        evidence = make_influence(evidence)
    most = chosen(method, pool, evidence, budget=108, seed=0)
    assert not (most.taken & (tokens == 0)).any()
    every = chosen(method, pool, evidence, budget=110, seed=0)
    assert (every.taken & (tokens == 0)).sum() == 2
    assert every.summary["unfit_taken"] == 2


def test_every_row_has_a_reason_and_taken_rows_have_the_lowest_places(method: Method):
    pool = make_pool()
    selection = chosen(method, pool, evidence_for(method, pool), budget=40, seed=0)
    assert selection.table["row_id"].to_pylist() == pool.ids.tolist()
    for row in selection.table.to_pylist():
        assert row["reason"].startswith("taken" if row["taken"] else "left")
        assert row["taken"] == (row["place"] is not None and row["place"] < 40)


def test_a_selection_survives_its_files(method: Method, tmp_path):
    pool = make_pool()
    selection = chosen(method, pool, evidence_for(method, pool), budget=40, seed=0)
    read = cotmill.select.Selection.read(selection.write(tmp_path / "chosen"))
    assert read.table.equals(selection.table)
    assert (read.key, read.summary, read.budget) == (selection.key, selection.summary, selection.budget)


def test_impossible_budgets_are_refused_in_a_sentence(method: Method):
    pool = make_pool()
    for budget, problem in (("0", "cannot be met"), ("121", "121 of 120"), ("101%", "cannot be met"),
                            ("many", "not understood"), ("99Mtok", "cannot be met")):  # fmt: skip
        with pytest.raises(RecipeError, match=problem):
            chosen(
                method,
                pool,
                evidence_for(method, pool),
                budget=budget,
                seed=0,
                lengths=make_evidence(pool).to(Lengths),
            )


def test_options_are_checked_frozen_and_pickle(method: Method):
    assert pickle.loads(pickle.dumps(method)) == method
    with pytest.raises(ValueError, match="extra"):
        type(method)(no_such_option=1)
    with pytest.raises((ValueError, AttributeError)):
        method.anything = "other"


def test_labels_of_the_lab_are_not_read(method: Method):
    pool = make_pool()
    table = pool.table().append_column("lab_defect", [["x"] * ROWS])
    plain, labelled = (
        chosen(method, each, evidence_for(method, pool), budget=40, seed=0)
        for each in (pool, Pool.from_table(table))
    )
    assert plain.table.equals(labelled.table)


def test_every_module_of_a_method_is_listed_under_its_name():
    modules = {info.name for info in pkgutil.iter_modules(cotmill.select.__path__)} - MACHINERY
    listed = {kind.__module__.rpartition(".")[2] for kind in SELECTORS.values()}
    assert modules == listed, "add the class to SELECTORS in cotmill/select/__init__.py"
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    apart = next(one["modules"] for one in contracts if one["type"] == "independence")
    assert {name.rpartition(".")[2] for name in apart} == modules, "add the module to the contract"
    for name in modules:
        classes = inspect.getmembers(import_module(f"cotmill.select.{name}"), inspect.isclass)
        for _, found in classes:
            if issubclass(found, Method) and found.__module__ == f"cotmill.select.{name}":
                assert SELECTORS.get(found.name) is found


def test_every_method_names_its_source_or_is_a_baseline(method: Method):
    module = inspect.getmodule(type(method))
    assert re.search(r"arXiv \d{4}\.\d{5}|baseline", module.__doc__)
    assert type(method).__doc__.partition("\n")[0].endswith(".")
    assert method.needs is None or issubclass(method.needs, Evidence)


def test_losses_of_one_point_are_not_taken_for_a_trajectory():
    pool = make_pool()
    with pytest.raises(EvidenceError, match="needs trajectories, but was given losses"):
        SELECTORS["s2l"]()(pool, make_evidence(pool).to(Losses), budget=9, seed=0)


@pytest.mark.parametrize("name", ["random", "s2l", "facility_location", "rds_plus", "perplexity_middle"])
def test_a_pool_in_many_shards_is_the_same_pool(name: str, tmp_path):
    method, pool = SELECTORS[name](), make_pool()
    shards = Pool.from_table(pa.concat_tables([pool.table().slice(at, 7) for at in range(0, ROWS, 7)]))
    evidence = evidence_for(method, pool)
    whole, parts = (chosen(method, each, evidence, budget=31, seed=1) for each in (pool, shards))
    assert whole.table.equals(parts.table)
    assert whole.key == parts.key
    read = Pool.open(shards.write(tmp_path / "pool") and tmp_path / "pool")
    assert chosen(method, read, evidence, budget=31, seed=1).key == whole.key
