"""Sampling: each sample once, from a stream of its own, whatever is interrupted or asked for later."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotmill.augment.allocate import Allocation, difficulty, worth
from cotmill.augment.engines.base import PAPER, Question, SamplingSettings
from cotmill.augment.outcomes import Found, Outcomes
from cotmill.augment.samples import Key, Sample
from cotmill.augment.sampling import Job, Sampler, questions_of
from cotmill.augment.store import SampleStore
from cotmill.core.errors import RecipeError
from cotmill.core.files import sha256_of
from cotmill.core.ids import content_id, rng_of
from cotmill.data.pool import Pool


def fixed(k: int, **told: object) -> Job:
    """Make a job of k samples for each question."""
    return Job(allocation=Allocation(k=k), count=False, **told)  # type: ignore[arg-type]


def rows_of(store: SampleStore) -> list[dict[str, object]]:
    """Read all rows."""
    return [row for batch in store.batches() for row in batch.to_pylist()]


def files_of(folder: Path) -> dict[str, str]:
    """Hash every file."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def test_every_question_gets_k_samples_once_and_more_extend_the_same_store(
    tmp_path, scripted, questions, answers
):
    store = SampleStore.open(tmp_path / "s")
    engine = scripted(answers)
    first = Sampler(engine, questions, store, fixed(3)).run()
    assert (first.drawn, first.samples, engine.drawn) == (30, 30, 30)
    again = Sampler(engine, questions, store, fixed(3)).run()
    assert (again.drawn, again.samples, engine.drawn) == (0, 30, 30)
    before = {row["sample_id"]: row["text"] for row in rows_of(store)}
    more = Sampler(engine, questions, store, fixed(5)).run()
    assert (more.drawn, store.count()) == (20, 50)
    after = {row["sample_id"]: row["text"] for row in rows_of(store)}
    assert before.items() <= after.items()


def test_other_settings_prompts_and_models_are_other_samples(tmp_path, scripted, questions, answers):
    store = SampleStore.open(tmp_path / "s")
    engine = scripted(answers)
    Sampler(engine, questions, store, fixed(2)).run()
    Sampler(engine, questions, store, fixed(2, settings=SamplingSettings(**PAPER))).run()
    Sampler(engine, questions, store, fixed(2, template="Think. {question}")).run()
    other = scripted(answers)
    other.model = content_id("another")
    Sampler(other, questions, store, fixed(2)).run()
    rows = rows_of(store)
    assert len(rows) == len({row["seed"] for row in rows}) == 80
    assert len(store.settings()) == 2
    assert len(store.models()) == 2


def test_no_two_samples_of_a_question_share_a_stream():
    keys = [
        Key(content_id("q"), content_id(model), prompt, settings, index)
        for model in ("a", "b")
        for prompt in ("p", "r")
        for settings in ("s", "t")
        for index in range(100)
    ]
    streams = {tuple(rng_of(key.seed(), "tokens").random(3)) for key in keys}
    assert len(streams) == len(keys)
    assert not streams & {tuple(rng_of(key.seed(1), "tokens").random(3)) for key in keys}


@pytest.mark.parametrize("breaks", [1, 7, 12])
def test_a_job_that_breaks_off_and_goes_on_leaves_the_bytes_of_an_undisturbed_one(
    tmp_path, scripted, questions, answers, breaks
):
    whole = SampleStore.open(tmp_path / "whole")
    Sampler(scripted(answers), questions, whole, fixed(3)).run()
    whole.finish()
    broken = SampleStore.open(tmp_path / "broken")
    with pytest.raises(RuntimeError, match="broken off"):
        Sampler(scripted(answers, breaks_after=breaks), questions, broken, fixed(3)).run()
    assert broken.count() == breaks
    rest = Sampler(scripted(answers), questions[::-1], broken, fixed(3)).run()
    assert rest.drawn == 30 - breaks
    broken.finish()
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "broken")


def test_cut_off_samples_are_drawn_again_under_a_larger_limit_only(tmp_path, scripted, questions, answers):
    store = SampleStore.open(tmp_path / "s")
    engine = scripted(answers)
    short = Sampler(engine, questions, store, fixed(4, max_new_tokens=8)).run()
    assert short.cut_off > 0
    same = Sampler(engine, questions, store, fixed(4, max_new_tokens=8)).run()
    assert (same.drawn, same.cut_off) == (0, short.cut_off)
    assert Sampler(engine, questions, store, fixed(4, max_new_tokens=5)).run().drawn == 0
    longer = Sampler(engine, questions, store, fixed(4, max_new_tokens=64)).run()
    assert (longer.drawn, longer.retried, longer.cut_off) == (short.cut_off, short.cut_off, 0)
    store.finish()
    assert (store.count(), store.replaced) == (40, short.cut_off)


def test_parts_share_the_questions_out(tmp_path, scripted, answers):
    rows = [{"question": f"What is {n} + 7?", "gold": str(n + 7), "trace": ""} for n in range(10, 40)]
    pool = Pool.from_rows([*rows, *rows])
    parts = [questions_of(pool, part=(which, 3)) for which in range(3)]
    assert sorted(question.example_id for part in parts for question in part) == sorted(
        question.example_id for question in questions_of(pool)
    )
    assert len(questions_of(pool)) == 30
    assert all(parts)
    some = questions_of(pool, limit=5)
    assert len(some) == 5
    assert {question.example_id for question in some} < {q.example_id for q in questions_of(pool, limit=9)}
    together, alone = SampleStore.open(tmp_path / "together"), SampleStore.open(tmp_path / "alone")
    for part in parts:
        Sampler(scripted(answers), part, together, fixed(2)).run()
    Sampler(scripted(answers), questions_of(pool), alone, fixed(2)).run()
    together.finish()
    alone.finish()
    assert files_of(tmp_path / "together") == files_of(tmp_path / "alone")


# ---- allocation ---------------------------------------------------------------------------------------


def drawn_by(tmp_path, scripted, questions, answers, **rule) -> list[Found]:
    store = SampleStore.open(tmp_path / content_id(str(rule)))
    job = Job(allocation=Allocation(**rule))
    engine = scripted(answers)
    engine.block = 200
    return list(Sampler(engine, questions, store, job).run().found)


def test_until_enough_are_correct_stops_there_and_at_the_cap(tmp_path, scripted, questions, answers):
    found = drawn_by(
        tmp_path, scripted, questions, answers, scheme="correct", correct=4, k=40, first=2, step=3
    )
    for one in found:
        assert one.correct >= 4 or one.samples == 40
        assert one.correct <= 4 + 2
    assert found[0].samples < found[8].samples


def test_prop2diff_gives_hard_questions_more_correct_samples(tmp_path, scripted, questions, answers):
    found = drawn_by(tmp_path, scripted, questions, answers, scheme="prop2diff", correct=10, k=200, first=20)
    rule = Allocation(scheme="prop2diff", correct=10)
    assert rule.target(Found(samples=20, correct=20)) == 1
    assert rule.target(Found(samples=20, correct=10)) == 5
    assert rule.target(Found(samples=20, correct=0)) == 10
    assert found[0].samples == 20
    assert found[8].correct >= 8
    assert found[8].samples > 40


def test_uniform_is_dart_maths_forty(tmp_path, scripted, questions, answers):
    assert Allocation(scheme="uniform").aim == 40
    found = drawn_by(tmp_path, scripted, questions[:2], answers, scheme="uniform", k=60)
    assert [one.correct >= 40 for one in found] == [True, True]
    assert found[0].samples == 40


def test_yield_stops_when_the_next_sample_is_not_worth_its_tokens(tmp_path, scripted, questions, answers):
    dear = drawn_by(tmp_path, scripted, questions, answers, scheme="yield", price=20.0, k=48)
    cheap = drawn_by(tmp_path, scripted, questions, answers, scheme="yield", price=2.0, k=48)
    assert sum(one.samples for one in dear) < sum(one.samples for one in cheap)
    assert sum(one.distinct for one in dear) <= sum(one.distinct for one in cheap)
    for one in cheap:
        assert worth(one) < 0.002 or one.samples == 48


@pytest.mark.parametrize("scheme", ["fixed", "prop2diff", "yield"])
def test_a_budget_of_tokens_is_spent_and_hardly_exceeded(tmp_path, scripted, questions, answers, scheme):
    rule = {"scheme": scheme, "k": 90, "first": 4, "tokens": 1500}
    rule |= {"price": 0.01} if scheme == "yield" else {}
    found = drawn_by(tmp_path, scripted, questions, answers, **rule)
    assert 1440 <= sum(one.tokens for one in found) <= 1560
    if scheme == "fixed":
        assert max(one.samples for one in found) - min(one.samples for one in found) <= 8


def test_a_budget_is_shared_in_the_order_of_hashes():
    rule = Allocation(tokens=100)
    wanted = {f"{n:032x}": 3 for n in range(5)}
    given = rule.affordable(wanted, [Found(samples=5, tokens=50)])
    assert sorted(given.values()) == [0, 0, 0, 2, 3]
    assert rule.affordable(dict(reversed(wanted.items())), [Found(samples=5, tokens=50)]) == given
    assert sum(rule.affordable(wanted, [Found(samples=5, tokens=200)]).values()) == 0
    assert Allocation().affordable(wanted, []) == wanted


@pytest.mark.parametrize(
    "rule",
    [
        {"scheme": "yield", "price": 5.0},
        {"scheme": "prop2diff", "correct": 6},
        {"tokens": 900, "first": 6},
    ],
)
@pytest.mark.parametrize("breaks", [3, 95])
def test_decisions_are_the_same_after_a_break(
    tmp_path, scripted, questions, answers, rule, breaks, monkeypatch
):
    job = Job(allocation=Allocation(k=48, **rule))
    monkeypatch.setattr(scripted, "block", 40)
    whole = SampleStore.open(tmp_path / "whole")
    wanted = Sampler(scripted(answers), questions, whole, job).run()
    broken = SampleStore.open(tmp_path / "broken")
    with pytest.raises(RuntimeError, match="broken off"):
        Sampler(scripted(answers, breaks_after=breaks), questions, broken, job).run()
    rest = Sampler(scripted(answers), questions[::-1], broken, job).run()
    assert rest.found[::-1] == wanted.found
    assert rest.drawn == wanted.drawn - breaks
    whole.finish()
    broken.finish()
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "broken")


def test_difficulty_and_worth_are_what_they_say():
    assert difficulty(Found()) == 1.0
    assert difficulty(Found(samples=4, correct=1)) == 0.75
    assert worth(Found(samples=4, correct=0, tokens=40)) == pytest.approx(1 / 6 / 10)


def test_outcomes_see_wrong_equations_and_wrong_answers(questions):
    texts = ["10 + 7 = 17 #### 17", "10 + 7 = 18 #### 17", "10 + 7 = 17 #### 18", "so it is #### 17"]
    key = Key(questions[0].example_id, "m", "p", "s", 0)
    samples = [
        Sample(key.example_id, "m", "m", "p", "s", index, 0, text, 9, 3, "stop", 64)
        for index, text in enumerate(texts)
    ]
    outcomes = Outcomes(questions)
    outcomes.add(samples)
    found = outcomes.found(key.example_id, 4)
    assert (found.samples, found.correct, found.distinct, found.tokens) == (4, 2, 2, 36)
    assert outcomes.found(key.example_id, 1) == Found(1, 1, (1,), 9)
    assert outcomes.found("nobody", 5) == Found()


def test_a_number_without_use_is_refused():
    with pytest.raises(ValueError, match="aims at no number"):
        Allocation(scheme="yield", correct=3)


# ---- a model ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lm():
    from cotmill.model.load import load

    return load("lab:llama-0.25m")


@pytest.fixture(scope="module")
def asked() -> list[Question]:
    texts = ["Tom has 4 apples and buys 9 more. How many apples does Tom have?", "Ann sells 5 pens."]
    return [Question(content_id(text), text, "13") for text in texts]


def hf_store(folder, lm, asked, *, k=6, block=1024, batch_size=None, parts=1, **told):
    from cotmill.augment.engines.hf import HfEngine

    store = SampleStore.open(folder)
    for part in range(parts):
        engine = HfEngine(lm, batch_size=batch_size)
        engine.block = block
        Sampler(engine, asked[part::parts], store, fixed(k, **told)).run()
    store.finish()
    return rows_of(store)


def test_a_model_draws_the_same_samples_in_any_batches_order_and_number_of_processes(tmp_path, lm, asked):
    settings = SamplingSettings(**PAPER)
    plain = hf_store(tmp_path / "a", lm, asked, settings=settings)
    texts = [(row["sample_id"], row["text"], row["tokens"], row["finish_reason"]) for row in plain]
    other = hf_store(tmp_path / "b", lm, asked[::-1], settings=settings, block=5, batch_size=2, parts=2)
    assert [(row["sample_id"], row["text"], row["tokens"], row["finish_reason"]) for row in other] == texts
    for one, two in zip(plain, other, strict=True):
        assert one["logprob"] == pytest.approx(two["logprob"], abs=2e-3)
    assert len({row["text"] for row in plain}) > 6
    first = plain[0]
    assert first["engine_version"].startswith("transformers ")
    assert first["model"] == lm.fingerprint
    assert first["prompt_tokens"] > 3
    assert first["logprob"] < 0


def test_a_model_goes_on_where_a_short_limit_cut_it_off(tmp_path, lm, asked):
    short = hf_store(tmp_path / "s", lm, asked, k=4, max_new_tokens=9)
    assert {row["finish_reason"] for row in short} == {"length"}
    long = hf_store(tmp_path / "s", lm, asked, k=4, max_new_tokens=120)
    for before, after in zip(short, long, strict=True):
        assert after["sample_id"] == before["sample_id"]
        assert after["seed"] == before["seed"]
        assert after["text"].startswith(before["text"][:10])
    assert {row["max_new_tokens"] for row in long} == {120}


def test_a_prompt_that_fills_the_model_fails_alone(tmp_path, lm, asked):
    long = Question("e" * 32, "many " * 600, "1")
    rows = hf_store(tmp_path / "s", lm, [*asked, long], k=2, max_new_tokens=4)
    assert sorted(row["finish_reason"] for row in rows) == ["error", "error", *["length"] * 4]
    assert hf_store(tmp_path / "s", lm, asked, k=2, max_new_tokens=4) == rows


def test_fields_for_servers_are_refused_by_other_engines(tmp_path, lm, asked):
    with pytest.raises(RecipeError, match="for servers"):
        hf_store(tmp_path / "s", lm, asked, settings=SamplingSettings(extra={"min_p": 0.1}))
