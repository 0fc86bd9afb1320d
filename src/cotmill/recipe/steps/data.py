"""The pool, and the questions of a test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cotmill.core.errors import RecipeError
from cotmill.core.files import write_json
from cotmill.core.ids import order_keys
from cotmill.recipe.graph import Task
from cotmill.recipe.steps.places import BENCHMARK, POOL

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evaluate.benchmark import Benchmark

ABOUT_BENCHMARK = ("name", "metric", "strict_rule", "groups", "cluster", "base", "set_aside")
LAB_GROUPS = ("source", "steps", "role_label", "number_label", "sentence_label")
"""What results on the lab's tests are broken down by, where a column is there and varies."""


def make_data(task: Task) -> None:
    """Make or read the pool; labels stay in it and are taken off before a method sees it."""
    lab = task.config.get("lab")
    if lab:
        from cotmill.lab import make_pool

        told = {
            name: value for name, value in lab.items() if name not in ("rows", "seed") and value is not None
        }
        make_pool(lab["seed"], lab["rows"], **told).write(task.out / POOL)
        return
    if "clinical" in task.config:
        from cotmill.lab.pools import make_clinical

        make_clinical(**task.config["clinical"]).write(task.out / POOL)
        return
    rest, _ = _held_aside(_read(task), task.config.get("hold_aside"))
    _first_by_hash(rest, task.config["limit"]).write(task.out / POOL)


def _read(task: Task) -> Pool:
    """Read the file that a config identifies by content, from where it lies."""
    from cotmill.data.read import read_pool

    return read_pool(task.places["file"], form=task.config["form"], columns=task.config["columns"])


def _held_aside(pool: Pool, rows: int | None) -> tuple[Pool, Pool]:
    """Cut a pool in two: what is left, and questions held aside, the last ones by hash."""
    if rows is None:
        return pool, pool
    if rows >= len(pool):
        raise RecipeError(f"{rows} rows cannot be held aside of {len(pool)}; hold fewer aside")
    last = np.argsort(order_keys(0, pool.ids), kind="stable")[-rows:]
    examples = pool.column("example_id").to_numpy()
    aside = np.isin(examples.astype(str), examples[last].astype(str))
    return pool.take(pool.ids[~aside]), pool.take(pool.ids[aside])


def _first_by_hash(pool: Pool, rows: int | None) -> Pool:
    """Keep some rows: a random sample, nested across sizes."""
    if rows is None or rows >= len(pool):
        return pool
    return pool.take(pool.ids[np.argsort(order_keys(0, pool.ids), kind="stable")[:rows]])


def make_questions(task: Task) -> None:
    """Write the questions of a test and how they are judged."""
    found = _benchmark(task)
    found.pool.write(task.out / POOL)
    write_json(task.out / BENCHMARK, {name: getattr(found, name) for name in ABOUT_BENCHMARK})


def _benchmark(task: Task) -> Benchmark:
    """Make the benchmark that a config describes."""
    from cotmill.evaluate.benchmark import Benchmark
    from cotmill.evaluate.benchmarks import benchmark

    config = task.config
    metric = config.get("metric")
    if "benchmark" in config:
        found = benchmark(config["benchmark"]).limited(config["rows"])
        return replace(found, metric=metric) if metric else found
    if "clinical" in config:
        from cotmill.lab.pools import make_clinical

        asked = make_clinical(**config["clinical"], test=True)
        return Benchmark.of(asked, name=config["name"], metric=metric or "text")
    if "lab" not in config:
        _, asked = _held_aside(_read(task), config.get("held_aside"))
        return Benchmark.of(asked, name=config["name"], metric=metric).limited(config["rows"])
    from cotmill.lab import make_test

    lab = config["lab"]
    told = {
        name: value
        for name, value in lab.items()
        if name not in ("set", "rows", "seed") and value is not None
    }
    pool = make_test(lab["set"], lab["seed"], lab["rows"], **told)
    groups = tuple(
        name for name in LAB_GROUPS if name in pool.columns and len(pool.column(name).unique()) > 1
    )
    return Benchmark.of(pool, name=config["name"], metric=metric, groups=groups)
