"""A made-up Run folder in the form that the runner writes, small and quick, for the tests of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from cotmill.core.files import write_json, write_text
from cotmill.core.ids import content_id, order_keys, rng_of
from cotmill.core.runs import StepRecord, seal
from cotmill.data.pool import Pool

ARMS: dict[str, dict[str, Any]] = {
    "all rows": {},
    "random 50%": {"select": {"method": "random", "budget": "50%"}},
    "low loss 50%": {"select": {"method": "loss", "budget": "50%"}},
    "shortest 50%": {"select": {"method": "length", "budget": "50%"}},
    "random 25%": {"select": {"method": "random", "budget": "25%"}},
    "low loss 25%": {"select": {"method": "loss", "budget": "25%"}},
}
SKILL = {
    "all rows": 0.44,
    "random 50%": 0.38,
    "low loss 50%": 0.52,
    "shortest 50%": 0.37,
    "random 25%": 0.27,
    "low loss 25%": 0.41,
}
DEFECTS = ("wrong arithmetic", "wrong operand", "truncated", "chatter")
SOURCES = (
    "shopping",
    "rates",
    "ages",
    "sharing",
    "percentages",
    "patterns",
    "chains",
    "totals",
    "mixtures",
    "clocks",
)


@dataclass(frozen=True)
class Made:
    """What to make, and how large."""

    rows: int = 160
    items: int = 40
    seeds: tuple[int, ...] = (0, 1, 2)
    tests: tuple[str, ...] = ("in_domain", "distractors")
    arms: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(ARMS))
    compare_to: str = "random 50%"
    name: str = "made up"
    hostile: str = ""
    """Text put into questions, answers, reasons, sources and traces, where a report must be inert."""


def make_run(folder: Path, made: Made | None = None) -> Path:
    """Write a whole Run folder and return it."""
    made = made or Made()
    recipe = _recipe(made)
    write_text(folder / "recipe.yaml", yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True))
    fingerprint = content_id("made", made.name)
    versions = {"cotmill": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"}
    provenance = {"versions": versions, "python": "3.11.2", "platform": "Linux x86_64", "threads": 1}
    write_json(folder / "run.json", {"fingerprint": fingerprint, "name": made.name, "provenance": provenance})
    data = _step(folder, "data", {"lab": {"rows": made.rows}}, {}, pool=_pool_rows(made.rows, made.hostile))
    cells, results, outcomes = [], [], {}
    for arm in made.arms:
        for seed in made.seeds:
            steps = _fit(folder, made, arm, seed, data)
            cell = {
                "arm": arm,
                "seed": seed,
                "data": data,
                "select": steps.get("select"),
                "train": steps["train"],
            }
            for test in made.tests:
                items = _items(made, arm, seed, test)
                config = {"arm": arm, "seed": seed, "test": test}
                name = _step(folder, "evaluate", config, {"model": steps["train"]}, {"items.parquet": items})
                cell[f"evaluate.{test}"] = name
                correct = np.array([verdict == "correct" for verdict in items["verdict"].to_pylist()])
                outcomes[arm, seed, test] = correct
                results.append({**config, **_metrics(correct, items), "rows": steps.get("rows", made.rows)})
            cells.append(cell)
    pq.write_table(pa.Table.from_pylist(cells), folder / "cells.parquet")
    pq.write_table(pa.Table.from_pylist(results), folder / "results.parquet")
    write_json(folder / "comparisons.json", _comparisons(made, outcomes))
    return folder


def _recipe(made: Made) -> dict[str, Any]:
    return {
        "name": made.name,
        "about": "A lab pool in which three rows in ten have a defect. Which half leaves the better model?",
        "seeds": list(made.seeds),
        "data": {"train": {"lab": {"rows": made.rows, "defects": 0.3, "min_steps": 1, "max_steps": 4}}},
        "model": "lab:llama-0.25m",
        "proxy": "lab:llama-0.25m",
        "select": None,
        "train": {"steps": 300, "batch_size": 32, "learning_rate": 1e-3},
        "evaluate": {
            "tests": {test: {"lab": {"set": test, "rows": made.items}} for test in made.tests},
            "max_new_tokens": 120,
        },
        "arms": made.arms,
        "compare_to": made.compare_to,
    }


def _step(
    folder: Path,
    kind: str,
    config: dict[str, Any],
    inputs: dict[str, str],
    tables: dict[str, pa.Table] | None = None,
    *,
    pool: Iterable[dict[str, Any]] = (),
) -> str:
    """Make a finished step as the runner does."""
    record = StepRecord(kind, 1, config, inputs)
    place = folder / "steps" / record.name
    for file, table in (tables or {}).items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, place / file)
    if kind == "data":
        Pool.from_rows(pool).write(place / "pool")
    seal(place, record)
    seconds = 1.0 + int(record.key[:4], 16) / 10_000
    write_json(
        place / "timing.json",
        {"seconds": seconds, "peak_memory_mb": 310.5, "started": "2026-11-20T10:00:00+00:00"},
    )
    return record.name


def _pool_rows(count: int, hostile: str) -> Iterator[dict[str, Any]]:
    rng = rng_of(0, "pool")
    for n in range(count):
        more = n % 7 + 2
        yield {
            "question": f"Ann has {n} apples and buys {more} more. How many now? {hostile}",
            "gold": str(n + more),
            "trace": f"{n} + {more} = <<{n}+{more}={n + more}>> {hostile}\n#### {n + more}",
            "origin": "lab",
            "source": SOURCES[min(int(rng.exponential(2.2)), len(SOURCES) - 1)] + hostile,
            "lab_defect": DEFECTS[int(rng.integers(4))] if rng.random() < 0.3 else "none",
        }


def _fit(folder: Path, made: Made, arm: str, seed: int, data: str) -> dict[str, Any]:
    choice = made.arms[arm].get("select")
    steps: dict[str, Any] = {}
    if choice:
        table = _selection(folder, choice, seed, data)
        steps["select"] = _step(
            folder, "select", {**choice, "seed": seed}, {"pool": data}, {"selection/selection.parquet": table}
        )
        steps["rows"] = sum(table["taken"].to_pylist())
    count = np.arange(10, 301, 10)
    noise = rng_of(seed, "loss", arm).normal(0, 0.02, len(count))
    loss = 0.3 + 2.5 * np.exp(-count / (60 + 40 * SKILL.get(arm, 0.4))) + noise
    log = pa.table({"step": count, "loss": loss, "lr": 1e-3 * (1 - count / 310)})
    steps["train"] = _step(
        folder,
        "train",
        {"arm": arm, "seed": seed},
        {"pool": steps.get("select", data)},
        {"model/train_log.parquet": log},
    )
    return steps


def _selection(folder: Path, choice: dict[str, Any], seed: int, data: str) -> pa.Table:
    pool = Pool.open(folder / "steps" / data / "pool").table()
    ids = pool["row_id"].to_pylist()
    keys = order_keys(seed, ids).astype(float)
    score = None
    if choice["method"] != "random":
        bad = np.array([kind != "none" for kind in pool["lab_defect"].to_pylist()])
        score = rng_of(0, "score").normal(0, 1, len(ids)) - 2.0 * bad
        keys = -score
    take = int(len(ids) * float(str(choice["budget"]).rstrip("%")) / 100)
    taken = np.zeros(len(ids), dtype=bool)
    place = np.argsort(np.argsort(keys))
    taken[place < take] = True
    reason = ["within the budget" if yes else "below the cut" for yes in taken]
    values = pa.array([None] * len(ids) if score is None else score, type=pa.float64())
    return pa.table(
        {
            "row_id": ids,
            "taken": taken,
            "reason": reason,
            "place": place,
            "score": values,
            "group": pool["source"],
        }
    )


def _items(made: Made, arm: str, seed: int, test: str) -> pa.Table:
    skill = SKILL.get(arm, 0.4) * (0.5 if test == "distractors" else 1.0)
    ease = rng_of(1, "ease", test).normal(0, 0.15, made.items)
    luck = rng_of(seed, "luck", arm, test).random(made.items)
    right = luck < skill + ease
    rows = []
    for n, ok in enumerate(right.tolist()):
        gold, said = str(3 * n + 1), str(3 * n + (1 if ok else 2))
        unparsed = not ok and n % 11 == 0
        output = (
            f"She starts with {2 * n}. {2 * n} + {n + 1} = <<{2 * n}+{n + 1}={said}>>{said}.{made.hostile}"
            + ("" if unparsed else f"\n#### {said}")
        )
        rows.append(
            {
                "row_id": content_id("item", test, str(n)),
                "question": f"({test}) Bo had {2 * n} coins and found {n + 1}. How many? {made.hostile}",
                "gold": gold,
                "output": output,
                "verdict": "correct" if ok else "unparsed" if unparsed else "wrong",
                "reason": ("the answer equals the gold answer" if ok else f"{said} is not {gold}")
                + made.hostile,
                "rule": "number",
                "predicted": None if unparsed else said,
                "strict": ok,
                "tokens": len(output),
                "finish_reason": "stop",
                "steps": n % 12 + 1,
            }
        )
    return pa.Table.from_pylist(rows).replace_schema_metadata({b"cotmill_items": b'{"groups": ["steps"]}'})


def _metrics(correct: np.ndarray, items: pa.Table) -> dict[str, Any]:
    n, p = len(correct), float(correct.mean())
    half = 1.96 * (p * (1 - p) / n) ** 0.5
    unparsed = items["verdict"].to_pylist().count("unparsed") / n
    return {
        "n": n,
        "correct": int(correct.sum()),
        "accuracy": p,
        "low": max(0.0, p - half),
        "high": min(1.0, p + half),
        "no_answer": unparsed,
    }


def _comparisons(made: Made, outcomes: dict[tuple[str, int, str], np.ndarray]) -> list[dict[str, Any]]:
    found = []
    for test in made.tests:
        for arm in made.arms:
            if arm == made.compare_to:
                continue
            pairs = [
                (outcomes[arm, s, test].astype(int), outcomes[made.compare_to, s, test].astype(int))
                for s in made.seeds
            ]
            delta = np.array([mine - theirs for mine, theirs in pairs])
            half = 1.96 * float(delta.std()) / delta.size**0.5
            mean = float(delta.mean())
            found.append(
                {
                    "grid": {},
                    "test": test,
                    "arm": arm,
                    "against": made.compare_to,
                    "difference": mean,
                    "low": mean - half,
                    "high": mean + half,
                    "n_items": made.items,
                    "n_seeds": len(made.seeds),
                    "wins": int((delta > 0).sum()),
                    "losses": int((delta < 0).sum()),
                }
            )
    return found
