"""The client of OpenAI's protocol against servers that misbehave in every way we could think of."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cotmill.augment.allocate import Allocation
from cotmill.augment.engines import server as server_module
from cotmill.augment.engines.base import Question, SamplingSettings
from cotmill.augment.engines.openai import OpenAIEngine
from cotmill.augment.engines.reply import Garbage, read_reply, wait_of
from cotmill.augment.engines.server import ServerConfig, checked
from cotmill.augment.sampling import Job, Sampled, Sampler
from cotmill.augment.store import SampleStore
from cotmill.core.errors import ModelError, RecipeError
from cotmill.core.ids import content_id

SCRIPT = Path(__file__).with_name("faulty_server.py")
Start = Callable[..., str]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers, each a process of its own, and end them."""
    running: list[subprocess.Popen[str]] = []

    def starting(*first: str, then: str = "good", **plan: Any) -> str:
        told = json.dumps({"first": first, "then": then, **plan})
        process = subprocess.Popen([sys.executable, str(SCRIPT), told], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{process.stdout.readline().strip()}"

    yield starting
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of hundredths of a second."""
    monkeypatch.setattr(server_module, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(server_module, "LONGEST_PAUSE", 0.3)


def asked(count: int = 4) -> list[Question]:
    texts = [f"Question {n}?" for n in range(count)]
    return [Question(content_id(text), text, "17") for text in texts]


def drawn(
    folder: Path, urls: list[str], *, questions: list[Question] | None = None, k: int = 5, **told: Any
) -> tuple[Sampled, SampleStore, OpenAIEngine]:
    settings = told.pop("settings", SamplingSettings())
    config = ServerConfig(**{"form": "plain", "patience": 20.0, "concurrency": 3, **told})
    engine = OpenAIEngine("m", urls, config)
    store = SampleStore.open(folder)
    job = Job(settings, 64, Allocation(k=k), count=False)
    return Sampler(engine, questions or asked(), store, job).run(), store, engine


def rows_of(store: SampleStore) -> list[dict[str, Any]]:
    return [row for batch in store.batches() for row in batch.to_pylist()]


def seen(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/seen") as told:
        return json.load(told)


@pytest.mark.parametrize("form", ["plain", "chat"])
def test_a_good_server_gives_every_sample_with_its_own_seed(tmp_path, start, form):
    url = start()
    result, store, engine = drawn(tmp_path / "s", [url], form=form)
    rows = rows_of(store)
    assert (result.drawn, len(rows), engine.problems()) == (20, 20, {})
    for row in rows:
        assert f" {row['seed']} 0 " in row["text"]
        assert (row["tokens"], row["prompt_tokens"], row["logprob"]) == (5, 4, -2.5)
        assert (row["engine"], row["engine_version"]) == ("openai", "server 0.1-faulty")
    assert seen(url)["requests"] == 20
    assert drawn(tmp_path / "s", [url], form=form)[0].drawn == 0


def test_n_samples_come_from_one_request_and_what_is_left_out_is_asked_again(tmp_path, start):
    url = start()
    _, store, _ = drawn(tmp_path / "s", [url], n=5)
    assert seen(url)["requests"] == 4
    rows = rows_of(store)
    assert len({row["text"] for row in rows}) == len({row["seed"] for row in rows}) == 20
    stingy = start(n=2)
    result, store, engine = drawn(tmp_path / "t", [stingy], n=5)
    assert (result.drawn, store.count()) == (20, 20)
    assert len({row["text"] for row in rows_of(store)}) == 20
    assert any("gives 2 answers" in problem for problem in engine.problems())


FAULTS = ["429", "429-date", "500", "503", "drop", "half", "html", "empty", "list", "text", "huge", "slow"]


@pytest.mark.parametrize("form", ["plain", "chat"])
def test_every_passing_fault_is_survived_and_no_sample_is_lost_or_doubled(tmp_path, start, form):
    url = start(*FAULTS, "good", *FAULTS[::-1])
    result, store, engine = drawn(tmp_path / "s", [url], form=form)
    rows = rows_of(store)
    assert (result.drawn, result.failed, len(rows)) == (20, 0, 20)
    assert {row["finish_reason"] for row in rows} == {"stop"}
    told = " ".join(engine.problems())
    for sign in ("429", "HTTP 500", "Bad Gateway", "larger than", "no choices", "no text", "HTTP 503"):
        assert sign in told


def test_a_server_that_asks_to_wait_is_waited_for(tmp_path, start):
    url = start("429")
    began = time.monotonic()
    drawn(tmp_path / "s", [url], k=1, questions=asked(1))
    assert time.monotonic() - began >= 0.3


def test_nan_odd_characters_and_missing_counts_do_not_cost_a_sample(tmp_path, start):
    url = start("nan", "half-character", "bare", "cut", "filter")
    result, store, engine = drawn(tmp_path / "s", [url], k=5, questions=asked(1), concurrency=1)
    rows = sorted(rows_of(store), key=lambda row: row["index"])
    assert [row["finish_reason"] for row in rows] == ["stop", "stop", "stop", "length", "error"]
    assert [row["logprob"] for row in rows] == [None, -2.5, None, -2.5, -2.5]
    assert rows[1]["text"].endswith("\ufffd")
    assert rows[2]["tokens"] == (len(rows[2]["text"]) + 1) // 4
    assert (result.cut_off, result.failed) == (1, 1)
    assert any("content_filter" in problem for problem in engine.problems())
    again, _, _ = drawn(tmp_path / "s", [start()], k=5, questions=asked(1))
    assert (again.drawn, again.failed) == (1, 0)


def test_a_dead_server_hands_its_work_to_the_others(tmp_path, start):
    dying, good = start("good", "good", "die"), start()
    result, store, engine = drawn(tmp_path / "s", [dying, good], k=10, concurrency=2)
    assert (result.drawn, result.failed, store.count()) == (40, 0, 40)
    assert any("Connect" in problem or "Protocol" in problem for problem in engine.problems())


def test_a_server_that_was_never_there_costs_nothing(tmp_path, start):
    result, _, _ = drawn(tmp_path / "s", ["http://127.0.0.1:9", start()])
    assert (result.drawn, result.failed) == (20, 0)


def test_when_all_servers_die_there_is_a_clear_error_and_nothing_stored_is_lost(tmp_path, start):
    url = start(*["good"] * 7, "die")
    with pytest.raises(ModelError, match=r"no server has answered for .* What was drawn is stored"):
        drawn(tmp_path / "s", [url], patience=0.5, concurrency=1)
    store = SampleStore.open(tmp_path / "s")
    assert store.count() == 7
    rest, _, _ = drawn(tmp_path / "s", [start()])
    assert (rest.drawn, store.count()) == (13, 20)


def test_a_hanging_server_is_given_up_on_and_its_work_moves(tmp_path, start):
    result, _, engine = drawn(tmp_path / "s", [start(then="hang"), start()], timeout=0.5, concurrency=1)
    assert (result.drawn, result.failed) == (20, 0)
    assert any("took longer than" in problem for problem in engine.problems())


@pytest.mark.parametrize("mood", ["html", "500"])
def test_a_server_that_only_talks_nonsense_is_named_soon(tmp_path, start, mood):
    with pytest.raises(ModelError, match="no server has answered"):
        drawn(tmp_path / "s", [start(then=mood)], patience=600.0)
    assert SampleStore.open(tmp_path / "s").count() == 0


@pytest.mark.parametrize("mood", ["400", "401", "404"])
def test_a_refusal_is_repeated_in_the_servers_words(tmp_path, start, mood):
    with pytest.raises(ModelError, match=f"HTTP {mood} .*mood {mood}"):
        drawn(tmp_path / "s", [start(then=mood)])


def test_a_server_that_refuses_us_leaves_the_work_to_the_others(tmp_path, start):
    result, _, _ = drawn(tmp_path / "s", [start(then="401"), start()])
    assert (result.drawn, result.failed) == (20, 0)


def test_one_request_that_always_fails_is_stored_as_failed_and_drawn_again_next_time(tmp_path, start):
    questions = [*asked(3), Question("f" * 32, "poison", "1")]
    url = start(then="poison")
    result, store, _ = drawn(tmp_path / "s", [url], questions=questions, k=3)
    assert (result.drawn, result.failed) == (12, 3)
    failed = [row for row in rows_of(store) if row["finish_reason"] == "error"]
    assert {row["example_id"] for row in failed} == {"f" * 32}
    assert {row["text"] for row in failed} == {""}
    again, store, _ = drawn(tmp_path / "s", [start()], questions=questions, k=3)
    assert (again.drawn, again.failed, store.count()) == (3, 0, 12)


@pytest.mark.parametrize("field", ["logprobs", "top_k"])
def test_a_field_that_a_server_does_not_know_is_left_out_where_that_changes_nothing(tmp_path, start, field):
    result, store, engine = drawn(tmp_path / "s", [start(then=f"no-{field}")])
    assert (result.drawn, result.failed) == (20, 0)
    assert any(f"takes no {field}" in problem for problem in engine.problems())
    assert {row["tokens"] for row in rows_of(store)} == {5}


def test_a_cut_that_a_server_does_not_know_is_never_dropped_silently(tmp_path, start):
    with pytest.raises(ModelError, match="--top-k 0"):
        drawn(tmp_path / "s", [start(then="no-top_k")], settings=SamplingSettings(top_k=50))


def test_requests_a_minute_are_kept_to(tmp_path, start):
    url = start()
    began = time.monotonic()
    drawn(tmp_path / "s", [url], k=6, questions=asked(1), per_minute=600, concurrency=6)
    assert time.monotonic() - began >= 0.5


def test_a_broken_answer_is_told_from_a_good_one():
    with pytest.raises(Garbage, match="no JSON"):
        read_reply(b"[" * 200_000, chat=False)
    with pytest.raises(Garbage, match="no JSON"):
        read_reply(b"\xff\xfe", chat=False)
    body = {"choices": [{"text": "a" * 30, "finish_reason": "stop"}, {"text": "a", "finish_reason": "eos"}]}
    told = {"completion_tokens": 12, "prompt_tokens": 10**30}
    reply = read_reply(json.dumps({**body, "usage": told}).encode(), chat=False)
    assert [choice.tokens for choice in reply.choices] == [11, 1]
    assert reply.prompt_tokens == 0
    assert wait_of({"retry-after": "nan"}) is None
    assert wait_of({"retry-after": "-3"}) == 0.0


def test_addresses_are_checked():
    assert checked("https://host/api/v1/") == "https://host/api/v1"
    for wrong in ("localhost:8000", "ftp://host", ""):
        with pytest.raises(RecipeError, match="http://localhost:8000/v1"):
            checked(wrong)
    with pytest.raises(RecipeError, match="needs a server"):
        OpenAIEngine("m", [])
