"""The store of samples: append-only, each once, the same bytes however it was written."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cotmill.augment import merge
from cotmill.augment.samples import SCHEMA, Key, Sample, settings_hash
from cotmill.augment.store import SampleStore
from cotmill.core.errors import DataError
from cotmill.core.files import sha256_of
from cotmill.core.ids import content_id

SETTINGS = {"temperature": 0.7, "top_k": 50, "top_p": 1.0}
MODELS = {content_id("small"): "small", content_id("large"): "large"}


def sample(
    question: int, index: int, *, model: str = "small", limit: int = 64, reason: str = "stop"
) -> Sample:
    """Make one sample; its content is a function of its key and limit."""
    key = Key(content_id(f"question {question}"), content_id(model), "p", settings_hash(SETTINGS), index)
    text = f"{question} × {index} by {model}" + (" and so on" if limit > 64 else "")
    return Sample(
        example_id=key.example_id,
        model=key.model,
        model_name=model,
        prompt=key.prompt,
        settings=key.settings,
        index=index,
        seed=key.seed(),
        text=text,
        tokens=limit if reason == "length" else 7,
        prompt_tokens=11,
        finish_reason=reason,  # type: ignore[arg-type]
        max_new_tokens=limit,
        logprob=-1.5 if index % 2 else None,
        engine="test",
        engine_version="1",
    )


def some(questions: int, k: int) -> list[Sample]:
    """Make k samples of each question by each of two models."""
    return [
        sample(q, i, model=model) for q in range(questions) for i in range(k) for model in ("small", "large")
    ]


def opened(folder: Path) -> SampleStore:
    """Open a store that knows the settings."""
    store = SampleStore.open(folder)
    store.add_settings(SETTINGS)
    return store


def rows_of(store: SampleStore) -> list[dict[str, object]]:
    """Read all rows."""
    return [row for batch in store.batches() for row in batch.to_pylist()]


def files_of(folder: Path) -> dict[str, str]:
    """Hash every file."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def test_what_was_added_is_read_in_canonical_order(tmp_path: Path) -> None:
    rows = some(5, 3)
    random.Random(0).shuffle(rows)
    store = opened(tmp_path / "s")
    for start in range(0, len(rows), 7):
        store.add(rows[start : start + 7])
    keys = [(row["example_id"], row["model"], row["settings"], row["index"]) for row in rows_of(store)]
    assert keys == sorted(keys)
    assert len(keys) == store.count() == 30
    assert store.models() == dict(sorted(MODELS.items()))
    assert store.settings(settings_hash(SETTINGS)) == SETTINGS
    batch = next(store.batches(["text", "index"]))
    assert batch.schema.names == ["text", "index"]
    assert next(store.batches()).schema == SCHEMA


def test_a_row_survives_the_disk_unchanged(tmp_path: Path) -> None:
    one = replace(sample(1, 2), text="a\nb — ½ \U0001f600", seed=2**63 - 1, logprob=-0.1)
    store = opened(tmp_path / "s")
    store.add([one])
    row = rows_of(store)[0]
    assert row.pop("sample_id") == one.sample_id
    assert Sample(**row) == one  # type: ignore[arg-type]


def test_the_same_sample_added_twice_is_there_once(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    store.add(some(4, 2))
    store.add(some(4, 2))
    assert store.count() == len(rows_of(store)) == 16
    assert store.finish() == 16
    assert store.replaced == 0


@pytest.mark.parametrize("seed", range(4))
def test_finished_files_do_not_depend_on_how_they_were_written(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "FAN_IN", 3)
    monkeypatch.setattr(merge, "SOURCE_ROWS", 5)
    rows = [*some(9, 4), *(sample(99, i, limit=64, reason="length") for i in range(4))]
    rows += [sample(99, i, limit=128, reason="length" if i else "stop") for i in range(4)]
    plain = opened(tmp_path / "plain")
    plain.add(rows)
    plain.finish()
    other = opened(tmp_path / "other")
    draw = random.Random(seed)
    draw.shuffle(rows)
    while rows:
        size = draw.randint(1, 9)
        other.add(rows[:size])
        rows = rows[size:]
        if draw.random() < 0.3:
            other.finish()
    other.finish()
    assert files_of(tmp_path / "plain") == files_of(tmp_path / "other")
    assert plain.fingerprint == other.fingerprint
    assert plain.replaced == 4


def test_a_longer_attempt_replaces_a_cut_off_one_and_never_the_other_way_round(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    long, short = sample(1, 0, limit=128, reason="length"), sample(1, 0, limit=64, reason="length")
    store.add([long])
    store.add([short])
    assert [row["max_new_tokens"] for row in rows_of(store)] == [128]
    assert store.keys().cut_off == 1
    store.add([sample(1, 0, limit=256)])
    assert [row["finish_reason"] for row in rows_of(store)] == ["stop"]
    assert store.finish() == 1
    assert store.replaced == 2


def test_keys_say_what_is_missing_under_a_limit(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    rows = [sample(1, 0), sample(1, 1, reason="length"), sample(1, 2, reason="error"), sample(1, 3)]
    store.add(rows[:3])
    ids = [row.sample_id for row in rows]
    assert store.keys().missing(ids, 64).tolist() == [False, False, True, True]
    assert store.keys().missing(ids, 65).tolist() == [False, True, True, True]
    store.add([sample(1, 1, limit=128, reason="length")])
    assert store.keys().missing(ids, 128).tolist() == [False, False, True, True]
    assert (store.keys().cut_off, store.keys().failed, len(store.keys())) == (1, 1, 3)
    assert SampleStore.open(tmp_path / "empty").keys().missing(ids, 1).all()


def test_a_failed_attempt_gives_way_to_any_other(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    store.add([sample(1, 0, reason="length", limit=8)])
    store.add([sample(1, 0, reason="error", limit=64)])
    assert [row["finish_reason"] for row in rows_of(store)] == ["length"]


def test_seeds_and_ids_of_different_keys_differ() -> None:
    rows = [*some(20, 10), sample(1, 0, limit=128)]
    assert len({row.seed for row in rows}) == len({row.sample_id for row in rows}) == 400
    changed = replace(rows[0], prompt="another prompt")
    assert changed.sample_id != rows[0].sample_id
    assert changed.key.seed() != rows[0].seed


def test_samples_of_unknown_settings_are_refused(tmp_path: Path) -> None:
    store = SampleStore.open(tmp_path / "s")
    with pytest.raises(DataError, match="add_settings"):
        store.add(some(1, 1))


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="no store of samples"):
        SampleStore.open(tmp_path)
    with pytest.raises(DataError, match="holds no samples"):
        SampleStore.open(tmp_path / "nothing", create=False)
    assert not (tmp_path / "nothing").exists()
    store = SampleStore.open(tmp_path / "s")
    with pytest.raises(DataError, match="no column 'verdict'"):
        list(store.batches(["verdict"]))


def _write(folder: Path, number: int, *, forever: bool) -> None:
    """Add samples of one's own questions in random portions, and put files together now and then."""
    store, draw = opened(folder), random.Random(os.getpid())
    rows = [sample(100 * number + q, i) for q in range(6) for i in range(5)]
    while True:
        draw.shuffle(rows)
        for start in range(0, len(rows), 4):
            store.add(rows[start : start + 4])
            if draw.random() < 0.2:
                store.finish()
        if not forever:
            return


@pytest.mark.slow
def test_processes_may_add_at_once_and_be_killed_at_any_time(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    shared = tmp_path / "shared"
    draw = random.Random(5)
    for _ in range(6):
        team = [spawn.Process(target=_write, args=(shared, n), kwargs={"forever": True}) for n in range(3)]
        for process in team:
            process.start()
        time.sleep(0.1 + 0.2 * draw.random())
        for process in team:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
    alone = tmp_path / "alone"
    for number in range(3):
        _write(shared, number, forever=False)
        _write(alone, number, forever=False)
    SampleStore.open(shared).finish()
    SampleStore.open(alone).finish()
    assert files_of(shared) == files_of(alone)
    assert SampleStore.open(alone).count() == 90


def test_reading_takes_little_memory_and_time(tmp_path: Path) -> None:
    count = 16_000
    ids = [content_id("q", str(n // 100)) for n in range(count)]
    settings = opened(tmp_path / "s").add_settings(SETTINGS)
    keys = [Key(ids[n], "m", "p", settings, n % 100) for n in range(count)]
    texts = [f"step {n} " * 40 for n in range(count)]
    base = {name: [text] * count for name, text in zip(SCHEMA.names, "0emmps0000ss0ee1", strict=True)}
    numbers = dict.fromkeys(["seed", "tokens", "prompt_tokens", "max_new_tokens", "logprob"], [7] * count)
    base |= {"sample_id": [key.sample_id for key in keys], "example_id": ids, "text": texts, **numbers}
    base |= {"index": [n % 100 for n in range(count)], "settings": [settings] * count}
    table = pa.table({name: base[name] for name in SCHEMA.names}, schema=SCHEMA)
    store = SampleStore.open(tmp_path / "s")
    order = np.random.default_rng(0).permutation(count)
    for part in np.array_split(order, 40):
        store.add(table.take(part))
    before = pa.total_allocated_bytes()
    peak, seen = 0, 0
    for batch in store.batches(["example_id", "text"]):
        seen += len(batch)
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert seen == count
    assert peak < 30e6
    assert store.finish() == count


def test_a_file_that_was_lost_is_made_good_by_adding_its_samples_again(tmp_path):
    rows, store = some(5, 2), opened(tmp_path / "store")
    store.add(rows)
    store.finish()
    before = store.fingerprint
    lost = next((tmp_path / "store").glob("whole-*/part-*.parquet"))
    lost.unlink()
    assert len(store.keys()) == 0
    store.add(rows)
    assert store.finish() == 20
    assert store.fingerprint == before
    assert lost.is_file()
