"""One shard of questions: judge all their samples, choose, and write what became of them.

A shard is a folder that is whole or not there, so a killed job goes on with the shards that are missing.

    kept.parquet       the rows of D′, with the columns of a Pool but for the row id
    samples.parquet    every sample: what was found, its path, whether it is kept and why not
    questions.parquet  question × writer: samples, usable, right, accepted …
    paths.parquet      question × path × writer: how many accepted samples
    suspects.jsonl     questions where many paths agree on another answer
    counts.json        sums
    made_from.txt      what the shard was made from
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow as pa

from cotmill.augment.choose import Chosen, Decision, choose, usable
from cotmill.augment.collect import Sampled
from cotmill.augment.config import RftConfig
from cotmill.augment.diversity import greedy, objective, spread
from cotmill.augment.filter import Filter, Finding, trimmed
from cotmill.augment.keys import read_path
from cotmill.augment.pooling import PATHS, QUESTIONS, suspect
from cotmill.core.checked import write_table
from cotmill.core.files import canonical_json, folder_aside
from cotmill.core.progress import tell
from cotmill.data.table import context_column
from cotmill.data.types import CONTEXT_TYPE

MARKER = "made_from.txt"
SHARD_SAMPLES = 4_096
"""Samples after which the next question begins another shard."""
COMPARED = "0"
"""First digit of the ids of the questions on which the two rules are compared: one in sixteen."""
SAMPLES = pa.schema(
    [
        ("sample_id", pa.string()), ("example_id", pa.string()), ("writer", pa.string()),
        ("index", pa.int32()), ("finish_reason", pa.string()), ("tokens", pa.int32()), ("answer", pa.bool_()),
        ("equations", pa.bool_()), ("grounding", pa.bool_()), ("predicted", pa.string()),
        ("checked", pa.int32()), ("unchecked", pa.int32()), ("path", pa.string()), ("kept", pa.bool_()),
        ("because", pa.string()), ("detail", pa.string()),
    ]
)  # fmt: skip
KEPT_ROWS = pa.schema(
    [
        ("example_id", pa.string()), ("question", pa.string()), ("gold", pa.string()), ("trace", pa.string()),
        ("origin", pa.string()), ("source", pa.string()), ("context", CONTEXT_TYPE),
        ("sample_id", pa.string()), ("sample_model", pa.string()), ("sample_settings", pa.string()),
        ("sample_index", pa.int32()), ("sample_seed", pa.uint64()), ("path", pa.string()),
        ("path_samples", pa.int32()), ("path_writers", pa.int32()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Shard:
    """Some questions with their samples, and the folder that their results go to."""

    config: RftConfig
    sampled: tuple[Sampled, ...]
    folder: Path
    mark: str = ""
    """What it is made from."""

    @property
    def done(self) -> bool:
        """Whether the folder is there, made from this; one that was made from something else is removed."""
        if not self.folder.is_dir():
            return False
        marker = self.folder / MARKER
        if marker.is_file() and marker.read_text("utf-8") == self.mark:
            return True
        tell(f"{self.folder} was made from something else; it is made again")
        rmtree(self.folder)
        return False


def cut(sampled: Iterable[Sampled], config: RftConfig, out: Path, mark: str = "") -> Iterator[Shard]:
    """Cut a stream of questions into shards; where a shard begins depends on the samples alone."""
    waiting: list[Sampled] = []
    count = number = 0
    for one in sampled:
        waiting.append(one)
        count += len(one.samples)
        if count >= SHARD_SAMPLES:
            yield Shard(config, tuple(waiting), out / f"{number:05d}", f"{mark} {number}")
            waiting, count, number = [], 0, number + 1
    if waiting:
        yield Shard(config, tuple(waiting), out / f"{number:05d}", f"{mark} {number}")


def work(shard: Shard) -> int:
    """Judge, choose, write; return the number of samples."""
    if not shard.done:
        with Filter(shard.config) as judge:
            chosen = decide(shard.sampled, judge)
        with folder_aside(shard.folder, shared=True) as part:
            _write(part, chosen, shard.config)
            (part / MARKER).write_text(shard.mark, encoding="utf-8")
    return sum(len(one.samples) for one in shard.sampled)


def decide(sampled: Sequence[Sampled], judge: Filter) -> list[Chosen]:
    """Judge every different text of a question once, and choose."""
    config = judge.config
    texts = {
        sample["sample_id"]: trimmed(sample["text"]) if config.trim else sample["text"]
        for one in sampled
        for sample in one.samples
        if usable(sample, config)
    }
    findings = _judged(sampled, texts, judge)
    return [choose(one, findings, texts, judge) for one in sampled]


def _ids(sampled: Sampled) -> list[str]:
    return [sample["sample_id"] for sample in sampled.samples]


def _judged(sampled: Iterable[Sampled], texts: dict[str, str], judge: Filter) -> dict[str, Finding]:
    """Judge every different text of a question once."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    examples = {}
    for one in sampled:
        examples[one.example_id] = one.question.example
        for name in _ids(one):
            if name in texts:
                places[one.example_id, texts[name]].append(name)
    pairs = ((examples[example_id], text) for example_id, text in places)
    findings = {}
    for names, finding in zip(places.values(), judge.all(pairs), strict=True):
        for name in names:
            findings[name] = finding
    return findings


def _write(folder: Path, chosen: list[Chosen], config: RftConfig) -> None:
    """Write the files of a shard."""
    rows = {
        "samples": (SAMPLES, [_sample_row(one.example_id, item) for one in chosen for item in one.decisions]),
        "questions": (QUESTIONS, [row for one in chosen for row in _question_rows(one)]),
        "paths": (PATHS, [row for one in chosen for row in _path_rows(one)]),
    }
    for name, (schema, found) in rows.items():
        write_table(pa.Table.from_pylist(found, schema=schema), folder / f"{name}.parquet")
    write_table(_kept_table(chosen), folder / "kept.parquet")
    suspects = [found for one in chosen if (found := suspect(one, config)) is not None]
    lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in suspects)
    (folder / "suspects.jsonl").write_text(lines, encoding="utf-8")
    counts = canonical_json(_counts(chosen, config, len(suspects)))
    (folder / "counts.json").write_text(counts, encoding="utf-8")


def _sample_row(example_id: str, item: Decision) -> dict[str, Any]:
    sample, found = item.sample, item.finding
    row = {name: sample[name] for name in ("sample_id", "writer", "index", "finish_reason", "tokens")}
    row |= {"example_id": example_id, "path": item.path, "kept": item.kept, "because": item.because}
    if found is not None:
        names = ("answer", "equations", "grounding", "predicted", "checked", "unchecked")
        row |= {name: getattr(found, name) for name in names} | {"detail": found.why}
    return row


def _question_rows(one: Chosen) -> Iterator[dict[str, Any]]:
    """One row for every writer of a question."""
    steps = min((len(read_path(gold).steps) for gold in one.question.golds), default=0)
    by_writer: dict[str, list[Decision]] = defaultdict(list)
    for item in one.decisions:
        by_writer[item.sample["writer"]].append(item)
    for writer, items in by_writer.items():
        yield {
            "example_id": one.example_id, "writer": writer, "steps": steps, "gold_paths": len(one.gold_paths),
            "samples": len(items), "usable": sum(item.finding is not None for item in items),
            "right": sum(item.finding is not None and item.finding.answer for item in items),
            "accepted": sum(item.accepted for item in items), "kept": sum(item.kept for item in items),
            "tokens": sum(item.sample["tokens"] for item in items),
        }  # fmt: skip


def _path_rows(one: Chosen) -> Iterator[dict[str, Any]]:
    """One row for every path and writer; traces whose path cannot be read have none."""
    counts = Counter(
        (item.path, item.sample["writer"]) for item in one.decisions if item.accepted and item.path
    )
    for (path, writer), count in sorted(counts.items()):
        yield {
            "example_id": one.example_id, "path": path, "writer": writer, "count": count,
            "given": path in one.gold_paths,
        }  # fmt: skip


def _kept_table(chosen: list[Chosen]) -> pa.Table:
    rows, contexts = [], []
    for one in chosen:
        writers: dict[str, Counter[str]] = defaultdict(Counter)
        for item in one.decisions:
            if item.accepted:
                writers[item.path][item.sample["writer"]] += 1
        for item in one.decisions:
            if item.kept:
                rows.append(_kept_row(one, item, writers[item.path]))
                contexts.append(one.question.example.context)
    table = pa.Table.from_pylist(rows, schema=KEPT_ROWS)
    place = KEPT_ROWS.get_field_index("context")
    return table.set_column(place, KEPT_ROWS.field(place), context_column(contexts))


def _kept_row(one: Chosen, item: Decision, writers: Counter[str]) -> dict[str, Any]:
    sample, example = item.sample, one.question.example
    return {
        "example_id": one.example_id, "question": example.question, "gold": example.gold, "trace": item.text,
        "origin": f"{sample['model_name']} settings {sample['settings'][:12]} seed {sample['seed']}",
        "source": one.question.source, "sample_id": sample["sample_id"], "sample_model": sample["model"],
        "sample_settings": sample["settings"], "sample_index": sample["index"], "sample_seed": sample["seed"],
        "path": item.path, "path_samples": sum(writers.values()), "path_writers": len(writers),
    }  # fmt: skip


def _counts(chosen: list[Chosen], config: RftConfig, suspects: int) -> dict[str, Any]:
    """Sum up a shard."""
    items = [item for one in chosen for item in one.decisions]
    found = [item.finding for item in items if item.finding is not None]
    fails = {
        name: sum(not getattr(one, name) for one in found) for name in ("answer", "equations", "grounding")
    }
    right = [one for one in found if one.answer]
    return {
        "questions": len(chosen), "samples": len(items), "judged": len(found), "suspects": suspects,
        "tokens": sum(item.sample["tokens"] for item in items),
        "became": dict(Counter(item.because for item in items)),
        "fails": fails,
        "fails_with_right_answer": {
            name: sum(not getattr(one, name) for one in right) for name in ("equations", "grounding")
        },
        "equations": {
            name: sum(getattr(one, name) for one in found) for name in ("checked", "unchecked")
        },
        "accepted_without_equations": sum(item.accepted and not item.path for item in items),
        "accepted_with_unchecked": sum(
            item.accepted and item.finding is not None and item.finding.unchecked > 0 for item in items
        ),
        "questions_with_a_right_answer": sum(
            any(item.finding and item.finding.answer for item in one.decisions) for one in chosen
        ),
        "diversity": _rules_compared(chosen, config),
    }  # fmt: skip


def _rules_compared(chosen: list[Chosen], config: RftConfig) -> dict[str, int | float]:
    """Value of our objective by our rule, by the greedy one, and by taking the first, on some questions."""
    sums: dict[str, int | float] = {"questions": 0, "spread": 0.0, "greedy": 0.0, "first": 0.0}
    for one in chosen:
        traces = one.candidates
        keys = {trace.key for trace in traces}
        if not one.example_id.startswith(COMPARED) or len(keys) < 2 or len(keys) == len(traces):
            continue
        golds = one.question.golds
        first = {trace.key: place for place, trace in reversed(list(enumerate(traces)))}
        chosen_by = {
            "spread": spread(traces, golds, candidates=config.candidates),
            "greedy": greedy(traces),
            "first": list(first.values()),
        }
        sums["questions"] += 1
        for name, places in chosen_by.items():
            sums[name] += objective([traces[place].text for place in places], golds)
    return {name: round(value, 9) for name, value in sums.items()}
