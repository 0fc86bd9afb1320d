"""What a recipe would take on GPUs that are not here, as a dry run tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cotmill.cli.terminal.running import duration, short
from cotmill.recipe.device import Device, devices_of, models_of, moved, shape_of, training_memory, wall
from cotmill.recipe.estimate import row_tokens
from cotmill.recipe.graph import Step
from cotmill.recipe.run import Asked


def device_lines(asked: Asked, todo: Sequence[Step], told: str) -> Iterator[str]:
    """Say how long a recipe would take on GPUs that are not here, and what fits into their memory."""
    device, gpus = devices_of(told)
    models = models_of(asked.plan.steps)
    steps = moved(todo, models, device)
    several = f"{gpus} × " if gpus > 1 else ""
    yield (
        f"{asked.loaded.varied.name} on {several}{device.name} ({device.gigabytes:.0f} GB, "
        f"{device.teraflops:.0f} TFLOP/s): {len(asked.plan.cells)} cells, {len(steps)} steps"
    )
    for kind in dict.fromkeys(step.kind for step in steps):
        those = [step for step in steps if step.kind == kind]
        tokens = sum(step.tokens for step in those)
        told = (
            f"about {short(tokens)} tokens, {duration(sum(step.seconds for step in those))}" if tokens else ""
        )
        yield f"  {kind:<9}{len(those):>4}  {told}".rstrip()
    total = sum(step.seconds for step in steps)
    yield f"about {duration(wall(steps, gpus))}, {total / 3600:.1f} GPU hours; by arithmetic, not measured"
    yield from _memory_lines(steps, models, device)


def _memory_lines(steps: Sequence[Step], models: Mapping[str, str], device: Device) -> Iterator[str]:
    """Say for every model that is trained how many rows fit at once, or that none does."""
    told: dict[str, None] = {}
    for step in steps:
        if step.kind != "train":
            continue
        model, train = models[step.name], step.record.config["train"]
        found = training_memory(shape_of(model), train, row_tokens(step.row_bytes, model), device)
        how = f"adapters of rank {train['lora']['rank']}" if train.get("lora") else "all weights"
        head = f"training {model}, {how}, batches of {train['batch_size']}: {found.fixed:.0f} GB"
        if not found.rows:
            told[f"{head}, which does not fit; try --set train.lora.rank=16, or a larger device"] = None
        else:
            also = f", so accumulate: {found.accumulate}" if found.accumulate > 1 else ""
            told[f"{head} and {found.kept:.0f} GB for {found.rows} rows at once{also}"] = None
    yield from told
