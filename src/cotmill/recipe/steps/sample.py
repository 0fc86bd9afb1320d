"""Sampling solutions, keeping the verified distinct ones, and auditing what was kept."""

from __future__ import annotations

from pathlib import Path

from cotmill.recipe.graph import Task
from cotmill.recipe.steps.places import AUDIT, POOL, SAMPLES, load_model, model_name, open_pool


def make_sample(task: Task) -> None:
    """Draw candidate solutions into a store; what is there after a kill is not drawn again."""
    from cotmill.augment.allocate import Allocation
    from cotmill.augment.engines.base import SamplingSettings
    from cotmill.augment.engines.hf import HfEngine
    from cotmill.augment.engines.spread import Maker, spread
    from cotmill.augment.sampling import Job, Sampler, questions_of
    from cotmill.augment.store import SampleStore

    config = task.config
    job = Job(
        SamplingSettings.model_validate(config["settings"]), config["max_new_tokens"],
        Allocation.model_validate(config["allocation"]), count=False,
    )  # fmt: skip
    questions = questions_of(open_pool(task.inputs["pool"]), limit=config["questions"])
    store = SampleStore.open(task.out / SAMPLES)
    if task.execution.here:
        Sampler(HfEngine(load_model(task)), questions, store, job).run()
    else:
        called = task.inputs["model"].name if "model" in task.inputs else None
        with spread(Maker("hf", model_name(task), called=called), task.execution) as engine:
            Sampler(engine, questions, store, job).run()
    store.finish()
    (store.folder / ".lock").unlink(missing_ok=True)


def make_augment(task: Task) -> None:
    """Keep the verified, distinct paths of the samples beside the given rows."""
    from cotmill.augment.config import RftConfig
    from cotmill.augment.rft import make_rft

    config = RftConfig.model_validate(task.config["rft"])
    make_rft(_stores(task), open_pool(task.inputs["pool"]), task.out, config, execution=task.execution)


def _stores(task: Task) -> list[Path]:
    """The stores of samples that a step reads, in the order of their roles."""
    roles = sorted(role for role in task.inputs if role.partition(".")[0] == "sample")
    return [task.inputs[role] / SAMPLES for role in roles]


def make_audit(task: Task) -> None:
    """Count the unsound traces that filters let through; the only step that reads the lab's labels."""
    import pyarrow as pa

    from cotmill.core.checked import write_table
    from cotmill.core.files import aside
    from cotmill.data.pool import Pool
    from cotmill.recipe.audit import audit

    rows = audit(Pool.open(task.inputs["pool"] / POOL), _stores(task), task.inputs["augment"])
    with aside(task.out / AUDIT) as part:
        write_table(pa.Table.from_pylist(rows), part)
