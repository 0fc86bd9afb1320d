"""Fine-tuning, and asking the result."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cotmill.recipe.graph import Task
from cotmill.recipe.steps.places import (
    EVIDENCE,
    MODEL,
    SELECTION,
    UNFINISHED,
    load_model,
    model_name,
    open_pool,
    open_test,
)

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evidence import Evidence
    from cotmill.train.config import TrainConfig
    from cotmill.train.sft import Extras


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
    with task.execution.start() as executor:
        evaluate(
            load_model(task),
            open_test(task.inputs["test"]),
            out=task.out,
            config=config,
            seed=task.config["seed"],
            executor=executor,
        )
