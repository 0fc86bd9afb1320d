"""Measuring a pool with a model, and the queries that influence is measured towards."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from cotmill.core.files import write_json
from cotmill.recipe.graph import Task
from cotmill.recipe.steps.places import (
    EVIDENCE,
    MODEL,
    POOL,
    QUERIES,
    UNFINISHED,
    load_model,
    open_pool,
    open_test,
)

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evidence import Evidence
    from cotmill.model.load import LanguageModel

pc: Any = compute
"""Its functions are made at run time, which type checkers cannot see."""


def make_measure(task: Task) -> None:
    """Measure the pool with a model; shards that are done lie aside until all are."""
    from cotmill.model.threads import use_threads

    use_threads(task.threads)
    aside = task.out / UNFINISHED
    with task.execution.start() as executor:
        told = {"max_length": task.config["max_length"], "work": aside, "executor": executor}
        found = MEASURES[task.config["kind"]](task, open_pool(task.inputs["pool"]), told)
    for name, evidence in (found if isinstance(found, dict) else {EVIDENCE: found}).items():
        evidence.write(task.out / name)
    shutil.rmtree(aside, ignore_errors=True)


def _losses(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    from cotmill.measure.losses import measure_losses

    return measure_losses(load_model(task), pool, **told)


def _lengths(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    from cotmill.measure.lengths import measure_lengths

    return measure_lengths(load_model(task), pool, **told)


def _trajectories(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    from cotmill.measure.trajectories import measure_trajectories

    return measure_trajectories(task.inputs["model"] / MODEL, pool, **told)


def _forward(task: Task, pool: Pool, told: Mapping[str, Any]) -> dict[str, Evidence]:
    from cotmill.measure.forward import measure_forward

    return measure_forward(load_model(task), pool, parts=task.config["parts"], **told)


def _pass_rates(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    """Ask every question of the pool several times; questions that cannot be judged count as not asked."""
    from cotmill.evaluate.benchmark import Benchmark
    from cotmill.evaluate.config import EvalConfig
    from cotmill.evaluate.items import correct_of
    from cotmill.evaluate.run import evaluate
    from cotmill.evidence import PassRates

    config, lm = task.config, load_model(task)
    examples = pool.column("example_id").to_numpy()
    first = np.unique(examples.astype(str), return_index=True)[1]
    asked = Benchmark.of(pool.take(pool.ids[np.sort(first)]), name="pool")
    told_config = {"samples": config["samples"], "max_new_tokens": config["max_new_tokens"]}
    done = evaluate(
        lm, asked, out=told["work"], config=EvalConfig(temperature=1.0, **told_config), seed=config["seed"]
    )
    items = done.items()
    ids = [*items.column("example_id").to_pylist(), *examples[np.sort(first)]]
    right = [*correct_of(items).astype(int).tolist(), *[0] * len(first)]
    counts = [*[1] * len(items), *[0] * len(first)]
    fingerprints = {"pool_fingerprint": pool.fingerprint, "model_fingerprint": lm.fingerprint}
    return PassRates.counted(ids, right, counts, **fingerprints)


def _influence(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    from cotmill.data.pool import Pool
    from cotmill.measure.influence.config import GateConfig, InfluenceConfig
    from cotmill.measure.influence.gate import group_lds, judged, tail_patch
    from cotmill.measure.influence.measure import measure_influence

    lm, queries = load_model(task), Pool.open(task.inputs["queries"] / POOL)
    settings = dict(task.config["influence"])
    settings["max_length"] = told["max_length"] or settings["max_length"]
    config = InfluenceConfig.model_validate(settings)
    gate = GateConfig.model_validate(task.config["gate"])
    found = measure_influence(lm, pool, queries, config, work=told["work"], executor=told["executor"])
    findings = tail_patch(lm, pool, queries, found, gate)
    if gate.subsets:
        again = partial(_retrained, task, told["work"])
        findings += group_lds(pool, queries, found, again, gate)
    return judged(found, findings)


def _retrained(task: Task, work: Path, pool: Pool, number: int) -> LanguageModel:
    """Fine-tune the base on a part of the pool, for the gate."""
    from cotmill.model.load import load
    from cotmill.train.config import TrainConfig
    from cotmill.train.sft import train

    config = TrainConfig.model_validate(task.config["retrain"])
    place = work / f"retrained-{number:03d}"
    train(task.places["model"], pool, config, out=place, seed=number, threads=task.threads)
    return load(str(place))


def make_queries(task: Task) -> None:
    """Make queries of the answers before and after fine-tuning; questions of the tests are left out."""
    from cotmill.evaluate.items import read_items
    from cotmill.measure.influence import queries as query
    from cotmill.measure.influence.config import QueryConfig

    tests = {
        role.partition(".")[2]: open_test(folder).pool
        for role, folder in task.inputs.items()
        if role.startswith("test.")
    }
    asked, dropped = query.disjoint(open_test(task.inputs["validation"]).pool, tests)
    fit = pa.array(asked.column("example_id").to_pylist())
    before, after = (
        table.filter(pc.is_in(table["example_id"], fit))
        for table in (read_items(task.inputs[name]) for name in ("before", "after"))
    )
    config = QueryConfig.model_validate(task.config)
    pool, flips = query.make_queries(before, after, config, solutions=asked)
    pool.write(task.out / POOL)
    warned = {"warnings": query.warnings_about(pool), "in_a_test": dropped}
    write_json(task.out / QUERIES, {**asdict(flips), **warned})


MEASURES: dict[str, Callable[[Task, Any, Mapping[str, Any]], Any]] = {
    "losses": _losses,
    "lengths": _lengths,
    "trajectories": _trajectories,
    "forward": _forward,
    "pass_rates": _pass_rates,
    "influence": _influence,
}
"""Every kind of measurement by its name in a plan."""
