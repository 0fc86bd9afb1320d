"""Where steps leave their results, and how other steps read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cotmill.core.files import read_json
from cotmill.recipe.graph import Task

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evaluate.benchmark import Benchmark
    from cotmill.model.load import LanguageModel

UNFINISHED = "unfinished"
POOL, EVIDENCE, SELECTION, MODEL = "pool", "evidence.parquet", "selection", "model"
SAMPLES, AUDIT = "samples", "audit.parquet"
INFLUENCE, CONFLICT = "influence.parquet", "conflict.parquet"
BENCHMARK, QUERIES = "benchmark.json", "queries.json"


def open_pool(folder: Path) -> Pool:
    """Open a data step's pool as methods may see it: without labels."""
    from cotmill.data.pool import Pool

    return Pool.open(folder / POOL).without_labels()


def open_test(folder: Path) -> Benchmark:
    """Read back what `make_questions` wrote."""
    from cotmill.data.pool import Pool
    from cotmill.evaluate.benchmark import Benchmark

    about = read_json(folder / BENCHMARK)
    return Benchmark(**{**about, "groups": tuple(about["groups"])}, pool=Pool.open(folder / POOL))


def model_name(task: Task) -> str:
    """Say which model a step reads: the one that another step trained, or the one that the recipe names."""
    return str(task.inputs["model"] / MODEL) if "model" in task.inputs else task.places["model"]


def load_model(task: Task) -> LanguageModel:
    """Load the model of a step; one that another step made is called by that step, wherever the Run lies."""
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads

    use_threads(task.threads)
    loaded = load(model_name(task))
    return replace(loaded, name=task.inputs["model"].name) if "model" in task.inputs else loaded
