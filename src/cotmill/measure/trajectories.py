"""The loss of every row at several points of one training run.

Source: S2L (Yang et al. 2024, arXiv 2403.07384, algorithm 1), which records losses while a small proxy is
trained. Here the rows are scored in separate passes, in batches of similar length and without dropout:
losses taken from training batches would be of different steps for different rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cotmill.core.errors import EvidenceError
from cotmill.data.pool import Pool
from cotmill.evidence import Losses, Trajectories
from cotmill.execute.executor import Executor
from cotmill.measure.losses import Tokens, measure_losses
from cotmill.model.load import LanguageModel, load
from cotmill.model.render import Form
from cotmill.model.snapshots import snapshots_of


def measure_trajectories(
    models: Path | Mapping[int, str | Path],
    pool: Pool,
    *,
    max_length: int | None = None,
    form: Form = "auto",
    work: Path | None = None,
    executor: Executor | None = None,
) -> Trajectories:
    """Measure a pool with every snapshot of a training, or with models given as step -> name.

    Raises:
        EvidenceError: the folder holds no snapshots.
    """
    names = snapshots_of(models) if isinstance(models, Path) else dict(sorted(models.items()))
    if not names:
        raise EvidenceError(
            f"{models} holds no snapshots; train with checkpoints: cotmill train … --checkpoints 6"
        )
    points = [
        measure_losses(
            load(str(name)),
            pool,
            max_length=max_length,
            form=form,
            work=None if work is None else work / f"step-{step:06d}",
            label=f"measuring losses at step {step}",
            executor=executor,
        )
        for step, name in names.items()
    ]
    return Trajectories.from_losses(points, steps=list(names))


class TrajectoryRecorder:
    """Measure a pool while a model is being trained on it, so that no checkpoint has to be kept.

    Give it to a training as its `sweep`. Each point is a file in `folder`, so a resumed training goes on.
    """

    def __init__(
        self, pool: Pool, folder: Path, *, max_length: int | None = None, form: Form = "auto"
    ) -> None:
        """Remember what to measure, and where to put it."""
        self.pool, self.folder, self.max_length = pool, folder, max_length
        self.form: Form = form
        self._known = Tokens()

    def __call__(self, step: int, lm: LanguageModel) -> None:
        """Measure at one step."""
        losses = measure_losses(
            lm,
            self.pool,
            max_length=self.max_length,
            form=self.form,
            label=f"measuring losses at step {step}",
            known=self._known,
        )
        losses.write(self._file(step))

    def trajectories(self) -> Trajectories:
        """Join the points that were measured."""
        steps = sorted(int(path.stem.rpartition("-")[2]) for path in self.folder.glob("losses-*.parquet"))
        if not steps:
            raise EvidenceError(
                f"{self.folder} holds no measured points; was the training given checkpoints?"
            )
        return Trajectories.from_losses([Losses.read(self._file(step)) for step in steps], steps=steps)

    def _file(self, step: int) -> Path:
        return self.folder / f"losses-{step:06d}.parquet"
