"""A probe of rows on which a small and a large model are trained for a moment, and what it says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cotmill.cli.terminal.measuring import work_folder

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evidence import Trajectories
    from cotmill.evidence.agreement import Agreement
    from cotmill.train.config import TrainConfig

LOW = 0.5
"""Rank correlation of levels below which the proxy orders rows otherwise than the target."""


@dataclass(frozen=True)
class Probe:
    """Rows drawn by hash, and how models are trained on them."""

    pool: Pool
    config: TrainConfig
    checkpoints: int

    @classmethod
    def of(cls, pool: Pool, *, rows: int, steps: int, checkpoints: int, batch_size: int) -> Probe:
        """Draw the rows."""
        from cotmill.core.ids import order_keys
        from cotmill.train.config import TrainConfig

        if rows < len(pool):
            pool = pool.take(pool.ids[np.argsort(order_keys(0, pool.ids))[:rows]])
        config = TrainConfig(steps=steps, batch_size=batch_size, empty_rows="leave out")
        return cls(pool, config, checkpoints)

    def trajectories(
        self, name: str, file: Path, *, learning_rate: float, threads: int | None
    ) -> Trajectories:
        """Read trajectories, or train a model and sweep the probe inside the loop; done once."""
        from cotmill.evidence import Trajectories
        from cotmill.measure.trajectories import TrajectoryRecorder
        from cotmill.train.launch import launch
        from cotmill.train.sft import Extras

        if name.endswith(".parquet"):
            return Trajectories.read(name)
        if file.is_file():
            return Trajectories.read(file)
        recorder = TrajectoryRecorder(self.pool, work_folder(file) / "points")
        config = self.config.model_copy(update={"learning_rate": learning_rate})
        told = {"seed": 0, "threads": threads, "checkpoints": self.checkpoints}
        launch(
            name,
            self.pool,
            config,
            out=work_folder(file) / "model",
            extras=Extras("probe", sweep=recorder),
            **told,
        )
        found = recorder.trajectories()
        found.write(file)
        shutil.rmtree(work_folder(file))
        return found


def agreement_lines(found: Agreement) -> Iterator[str]:
    """Say how far two models agree."""
    yield (
        f"{found.rows:,} rows: rank correlation of mean losses {found.level:.2f} "
        f"({found.level_low:.2f} to {found.level_high:.2f}), of their fall {found.fall:.2f}, "
        f"at the checkpoints {', '.join(f'{value:.2f}' for value in found.checkpoints)}"
    )
    yield (
        f"of a row's nearest rows the models share {found.neighbours:.0%} "
        f"(by chance {found.neighbours_by_chance:.0%})"
    )
    if found.level_high < LOW:
        yield (
            f"the small model orders these rows otherwise than the large one (below {LOW}); "
            "try a larger proxy"
        )


def cost_lines(
    small: str, large: str, pool: Pool, *, budget: str, epochs: float, points: int
) -> Iterator[str]:
    """Say what selecting costs and saves, in operations and in time; nothing for files of trajectories."""
    from cotmill.model.cost import flops, in_words, parameters, seconds_for
    from cotmill.model.load import load
    from cotmill.model.tokenise import tokenise
    from cotmill.select import Budget

    if small.endswith(".parquet") or large.endswith(".parquet"):
        return
    proxy, target = load(small), load(large)
    some = tokenise(target.tokenizer, pool.take(pool.ids[:500]), max_length=target.max_length)
    tokens = float(some.lengths.mean()) * len(pool)
    share = Budget.parse(budget).rows_of(len(pool)) / len(pool)
    jobs = {
        f"training the proxy for {epochs:g} epochs": (proxy, tokens * epochs, True),
        f"{points} sweeps over {len(pool):,} rows": (proxy, tokens * points, False),
        "training the large model on all rows": (target, tokens * epochs, True),
        f"on {budget} of them, at equal epochs": (target, tokens * epochs * share, True),
    }
    spent = [flops(parameters(lm), count, training=train) for lm, count, train in jobs.values()]
    for (what, (lm, count, train)), operations in zip(jobs.items(), spent, strict=True):
        yield f"{what}: {operations:.1e} FLOP, roughly {in_words(seconds_for(lm, count, training=train))}"
    saved, paid = spent[2] - spent[3], sum(spent[:2])
    if saved <= 0:
        yield "the whole pool is taken, so nothing is saved"
        return
    yield (
        f"selecting costs {paid:.1e} FLOP and saves {saved:.1e} ({paid / saved:.1%} of it) at equal epochs; "
        "at equal steps it saves nothing"
    )
