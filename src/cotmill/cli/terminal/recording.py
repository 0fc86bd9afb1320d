"""Loss trajectories that are recorded while `cotmill train` runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cotmill.cli.terminal.measuring import work_folder
from cotmill.core.errors import RecipeError

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.train.config import TrainConfig
    from cotmill.train.sft import Extras, TrainResult


def recording(
    pool: Pool, config: TrainConfig, *, trajectories: Path | None, seen: Path | None, checkpoints: int
) -> Extras | None:
    """Prepare what is recorded; None when nothing is.

    Raises:
        RecipeError: a sweep was asked for without saying at how many points.
    """
    from cotmill.measure.trajectories import TrajectoryRecorder
    from cotmill.train.seen import SeenLosses
    from cotmill.train.sft import Extras

    if trajectories is None and seen is None:
        return None
    if trajectories is not None and not checkpoints:
        raise RecipeError("--trajectories needs a number of points; add for example --checkpoints 6")
    sweep = None
    if trajectories is not None:
        place = work_folder(trajectories)
        sweep = TrajectoryRecorder(pool, place, max_length=config.max_length, form=config.form)
    return Extras(
        name="+".join(name for name, on in (("sweep", trajectories), ("seen", seen)) if on),
        sweep=sweep,
        seen=None if seen is None else SeenLosses(work_folder(seen) / "seen.bin"),
    )


def recorded(
    extras: Extras | None, pool: Pool, result: TrainResult, *, trajectories: Path | None, seen: Path | None
) -> Iterator[str]:
    """Write what was recorded, and say so; what an earlier call wrote stays."""
    from cotmill.measure.trajectories import TrajectoryRecorder

    if extras is None:
        return
    sweep = extras.sweep
    if trajectories is not None and isinstance(sweep, TrajectoryRecorder) and not trajectories.exists():
        found = sweep.trajectories()
        found.write(trajectories)
        yield f"{len(found):,} rows at steps {', '.join(map(str, found.steps))}; written to {trajectories}"
    if seen is not None and extras.seen is not None and not seen.exists():
        found = extras.seen.trajectories(pool, model_fingerprint=result.base_fingerprint)
        found.write(seen)
        yield f"{len(found):,} rows, when trained on in {len(found.steps)} epochs; written to {seen}"
    for file in (trajectories, seen):
        if file is not None:
            shutil.rmtree(work_folder(file), ignore_errors=True)
