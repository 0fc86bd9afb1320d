"""What each kind of step does: one table, one function a kind.

A function reads `task.inputs`, writes into `task.out`, and imports what is heavy when it runs, so that a
plan is made without torch. A kind's version is raised when the same config would leave something else.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cotmill.core.errors import RecipeError
from cotmill.core.files import read_json, write_json
from cotmill.core.ids import order_keys
from cotmill.evidence.parts import READINGS, file_of
from cotmill.recipe.graph import Kind, Task

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evaluate.benchmark import Benchmark
    from cotmill.evidence import Evidence
    from cotmill.model.load import LanguageModel
    from cotmill.train.config import TrainConfig
    from cotmill.train.sft import Extras

UNFINISHED = "unfinished"
POOL, EVIDENCE, SELECTION, MODEL = "pool", "evidence.parquet", "selection", "model"
SAMPLES, AUDIT = "samples", "audit.parquet"
BENCHMARK, QUERIES = "benchmark.json", "queries.json"
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


def open_test(folder: Path) -> Benchmark:
    """Read back what `make_questions` wrote."""
    from cotmill.data.pool import Pool
    from cotmill.evaluate.benchmark import Benchmark

    about = read_json(folder / BENCHMARK)
    return Benchmark(**{**about, "groups": tuple(about["groups"])}, pool=Pool.open(folder / POOL))


def open_pool(folder: Path) -> Pool:
    """Open a data step's pool as methods may see it: without labels."""
    from cotmill.data.pool import Pool

    return Pool.open(folder / POOL).without_labels()


def model_name(task: Task) -> str:
    """Say which model a step reads: the one that another step trained, or the one that the recipe names."""
    return str(task.inputs["model"] / MODEL) if "model" in task.inputs else task.places["model"]


def _load(task: Task) -> LanguageModel:
    """Load the model of a step; one that another step made is called by that step, wherever the Run lies."""
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads

    use_threads(task.threads)
    loaded = load(model_name(task))
    return replace(loaded, name=task.inputs["model"].name) if "model" in task.inputs else loaded


def make_measure(task: Task) -> None:
    """Measure the pool with a model; shards that are done lie aside until all are."""
    from cotmill.model.threads import use_threads

    use_threads(task.threads)
    aside = task.out / UNFINISHED
    told = {"max_length": task.config["max_length"], "work": aside}
    found = MEASURES[task.config["kind"]](task, open_pool(task.inputs["pool"]), told)
    for name, evidence in (found if isinstance(found, dict) else {EVIDENCE: found}).items():
        evidence.write(task.out / name)
    shutil.rmtree(aside, ignore_errors=True)


def _losses(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    from cotmill.measure.losses import measure_losses

    return measure_losses(_load(task), pool, **told)


def _lengths(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    from cotmill.measure.lengths import measure_lengths

    return measure_lengths(_load(task), pool, **told)


def _trajectories(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    from cotmill.measure.trajectories import measure_trajectories

    return measure_trajectories(task.inputs["model"] / MODEL, pool, **told)


def _forward(task: Task, pool: Pool, told: Mapping[str, Any]) -> dict[str, Evidence]:
    from cotmill.measure.forward import measure_forward

    return measure_forward(_load(task), pool, parts=task.config["parts"], **told)


def _pass_rates(task: Task, pool: Pool, told: Mapping[str, Any]) -> Evidence:
    """Ask every question of the pool several times; questions that cannot be judged count as not asked."""
    from cotmill.evaluate.benchmark import Benchmark
    from cotmill.evaluate.config import EvalConfig
    from cotmill.evaluate.items import correct_of
    from cotmill.evaluate.run import evaluate
    from cotmill.evidence import PassRates

    config, lm = task.config, _load(task)
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

    lm, queries = _load(task), Pool.open(task.inputs["queries"] / POOL)
    settings = dict(task.config["influence"])
    settings["max_length"] = told["max_length"] or settings["max_length"]
    config = InfluenceConfig.model_validate(settings)
    gate = GateConfig.model_validate(task.config["gate"])
    found = measure_influence(lm, pool, queries, config, work=told["work"])
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


def make_sample(task: Task) -> None:
    """Draw candidate solutions into a store; what is there after a kill is not drawn again."""
    from cotmill.augment.allocate import Allocation
    from cotmill.augment.engines.base import SamplingSettings
    from cotmill.augment.engines.hf import HfEngine
    from cotmill.augment.sampling import Job, Sampler, questions_of
    from cotmill.augment.store import SampleStore

    config = task.config
    job = Job(
        SamplingSettings.model_validate(config["settings"]), config["max_new_tokens"],
        Allocation.model_validate(config["allocation"]), count=False,
    )  # fmt: skip
    questions = questions_of(open_pool(task.inputs["pool"]), limit=config["questions"])
    store = SampleStore.open(task.out / SAMPLES)
    Sampler(HfEngine(_load(task)), questions, store, job).run()
    store.finish()
    (store.folder / ".lock").unlink(missing_ok=True)


def make_augment(task: Task) -> None:
    """Keep the verified, distinct paths of the samples beside the given rows."""
    from cotmill.augment.config import RftConfig
    from cotmill.augment.rft import make_rft

    config = RftConfig.model_validate(task.config["rft"])
    make_rft(_stores(task), open_pool(task.inputs["pool"]), task.out, config)


def _stores(task: Task) -> list[Path]:
    """The stores of samples that a step reads, in the order of their roles."""
    roles = sorted(role for role in task.inputs if role.partition(".")[0] == "sample")
    return [task.inputs[role] / SAMPLES for role in roles]


def make_audit(task: Task) -> None:
    """Count the unsound traces that filters let through; the only step that reads the lab's labels."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cotmill.core.files import aside
    from cotmill.data.pool import Pool
    from cotmill.recipe.audit import audit

    rows = audit(Pool.open(task.inputs["pool"] / POOL), _stores(task), task.inputs["augment"])
    with aside(task.out / AUDIT) as part:
        pq.write_table(pa.Table.from_pylist(rows), part)


def make_select(task: Task) -> None:
    """Choose rows by a method; it sees no labels."""
    from cotmill.evidence import Embeddings, Lengths
    from cotmill.select import SELECTORS, Extras, Limits

    config, inputs = task.config, task.inputs
    selector = SELECTORS[config["method"]].model_validate(config["options"])
    part = selector.parts[0] if selector.needs is Embeddings else READINGS
    evidence = _measured(inputs["evidence"], part) if selector.needs else None
    queries = None
    if selector.asks is not None:
        measured = selector.asks is Embeddings
        queries = _measured(inputs["queries"], part) if measured else open_pool(inputs["queries"])
    embeddings = _measured(inputs["embeddings"], "mean") if "embeddings" in inputs else None
    chosen = selector(
        open_pool(inputs["pool"]),
        evidence,
        budget=config["budget"],
        seed=config["seed"],
        lengths=Lengths.read(inputs["lengths"] / EVIDENCE) if "lengths" in inputs else None,
        extras=Extras(
            queries=queries,
            embeddings=embeddings,
            limits=Limits.model_validate(config["limits"]) if "limits" in config else None,
        ),
    )
    chosen.write(task.out / SELECTION)


def _measured(folder: Path, part: str) -> Any:
    """Read what a measurement left: its one file, or of a forward pass the file of a part."""
    from cotmill.evidence import Evidence

    whole = folder / EVIDENCE
    return Evidence.read(whole if whole.is_file() else folder / file_of(part))


def make_train(task: Task) -> None:
    """Fine-tune a model on the pool, or on the rows that were selected."""
    from cotmill.select import Selection
    from cotmill.train.config import TrainConfig
    from cotmill.train.sft import train

    pool = open_pool(task.inputs["pool"])
    if "selection" in task.inputs:
        pool = Selection.read(task.inputs["selection"] / SELECTION).apply(pool)
    config = TrainConfig.model_validate(task.config["train"])
    told = {"seed": task.config["seed"], "checkpoints": task.config["checkpoints"], "threads": task.threads}
    extras = _recording(task, pool, config)
    result = train(model_name(task), pool, config, out=task.out / MODEL, extras=extras, **told)
    if extras is not None:
        _recorded(extras, pool, result.base_fingerprint).write(task.out / EVIDENCE)
        shutil.rmtree(task.out / UNFINISHED)


def _recording(task: Task, pool: Pool, config: TrainConfig) -> Extras | None:
    """Prepare what is recorded of the rows while they are trained on; nothing, unless a proxy is told to."""
    from cotmill.measure.trajectories import TrajectoryRecorder
    from cotmill.train.seen import SeenLosses
    from cotmill.train.sft import Extras

    record, place = task.config.get("record"), task.out / UNFINISHED
    if record == "seen":
        return Extras(name=record, seen=SeenLosses(place / "seen.bin"))
    if record == "in_loop":
        told = {"max_length": config.max_length, "form": config.form}
        return Extras(name=record, sweep=TrajectoryRecorder(pool, place, **told))
    return None


def _recorded(extras: Extras, pool: Pool, fingerprint: str) -> Evidence:
    """Give what was recorded."""
    from cotmill.measure.trajectories import TrajectoryRecorder

    if extras.seen is not None:
        return extras.seen.trajectories(pool, model_fingerprint=fingerprint)
    assert isinstance(extras.sweep, TrajectoryRecorder)
    return extras.sweep.trajectories()


def make_evaluate(task: Task) -> None:
    """Ask a model the questions of a test."""
    from cotmill.evaluate.config import EvalConfig
    from cotmill.evaluate.run import evaluate

    config = EvalConfig.model_validate(task.config["evaluate"])
    evaluate(
        _load(task), open_test(task.inputs["test"]), out=task.out, config=config, seed=task.config["seed"]
    )


KINDS: dict[str, Kind] = {
    "data": Kind(make_data, 1),
    "test": Kind(make_questions, 1),
    "queries": Kind(make_queries, 1),
    "measure": Kind(make_measure, 1, resumes=True),
    "sample": Kind(make_sample, 1, resumes=True),
    "augment": Kind(make_augment, 1, resumes=True),
    "audit": Kind(make_audit, 1),
    "select": Kind(make_select, 1),
    "train": Kind(make_train, 1, resumes=True),
    "evaluate": Kind(make_evaluate, 1, resumes=True),
}
"""Every kind of step by its name in a Run."""
