"""Loss curves of the fine-tunings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Float

from cotmill.report import draw
from cotmill.report.parts import Csv, Figure, Key, Panel, Section
from cotmill.report.read import LoadedRun
from cotmill.report.scores import colour_of
from cotmill.report.svg import drawing
from cotmill.report.text import visible

BINS = 60
"""Points of one curve; each is the mean of the logged losses that fall into it."""

_NOISED = ("noised_share", "loss_clean_input", "loss_noised_input")
_HEADER = ("arm", "step", "mean_loss", "lowest_seed", "highest_seed", "seeds")


def training_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on training."""
    curves = [curve for variant in run.variants if (curve := _curve(run, variant)) is not None]
    if not curves:
        return None
    ends = "; ".join(f"{curve.name}: {curve.y[0]:.2f} to {curve.y[-1]:.2f}" for curve in curves)
    paint = partial(
        draw.curves_with_bands, curves=curves, across="step", label="loss, nats per solution token"
    )
    svg = drawing(f"{prefix}-loss", "Training loss by step", f"First and last loss. {ends}", 2.7, paint)
    rows = tuple(
        (curve.name, *point, _seeds(run, curve.name))
        for curve in curves
        for point in zip(curve.x, curve.y, curve.low, curve.high, strict=True)
    )
    key = tuple(Key(visible(curve.name), curve.colour, curve.dashes) for curve in curves)
    caption = "Training loss, mean over seeds; the band reaches from the lowest seed to the highest."
    figure = Figure("loss", caption, (Panel("", svg),), Csv("loss", _HEADER, rows), key)
    note = (
        "Loss on the rows trained on says how well they are fitted, not how well the model answers: an arm "
        "with easier rows has a lower loss for that reason alone."
    )
    return Section("training", "Training", (note, *_about_masks(run)), (figure,))


def _about_masks(run: LoadedRun) -> Iterator[str]:
    """Say, where arms are trained on noised inputs, that their loss counts that in, and what it is apart."""
    parts = []
    for variant in run.variants:
        measured = (_noised(run, name) for name in _trainings(run, variant))
        found = [ends for ends in measured if ends is not None]
        if found:
            share, clean, noised = np.mean(found, axis=0)
            losses = f"{clean:.2f} and {noised:.2f}"
            parts.append(f"{visible(variant)}: {100 * share:.0f} % of the tokens noised, {losses}")
    if parts:
        yield (
            "Arms with a mask are trained on noised inputs, and their loss is higher for that reason alone. "
            f"Loss behind clean and behind noised tokens, last tenth of the steps. {'; '.join(parts)}."
        )


def _noised(run: LoadedRun, name: str) -> Float[np.ndarray, " 3"] | None:
    """Give a training's noised share and the losses behind clean and noised tokens, at its end."""
    step = run.steps.get(name)
    table = step.table("train_log.parquet", _NOISED) if step else None
    if table is None or table.num_columns < len(_NOISED):
        return None
    values = np.array([column.to_pylist() for column in table.columns], dtype=float)
    last = values[:, -max(1, values.shape[1] // 10) :]
    return None if np.isnan(last).all(axis=1).any() else np.nanmean(last, axis=1)


def _seeds(run: LoadedRun, variant: str) -> int:
    return len({cell.seed for cell in run.cells if cell.variant == variant})


def _curve(run: LoadedRun, variant: str) -> draw.Curve | None:
    """Average the loss curves of a variant's seeds."""
    logs = _logs(run, variant)
    if not logs:
        return None
    last = min(steps[-1] for steps, _ in logs)
    edges = np.linspace(0, last, min(BINS, *(len(steps) for steps, _ in logs)) + 1)
    binned = np.array([_binned(steps, loss, edges) for steps, loss in logs])
    kept = np.isfinite(binned).all(axis=0)
    if not kept.any():
        return None
    values = binned[:, kept]
    colour = colour_of(run, variant)
    place = run.variants.index(variant)
    x = tuple(((edges[1:] + edges[:-1]) / 2)[kept].tolist())
    y, low, high = (
        tuple(row.tolist()) for row in (values.mean(axis=0), values.min(axis=0), values.max(axis=0))
    )
    return draw.Curve(variant, x, y, low, high, colour, draw.DASHES[place % len(draw.DASHES)])


def _trainings(run: LoadedRun, variant: str) -> dict[str, None]:
    """Name the fine-tunings of a variant, each once."""
    return dict.fromkeys(cell.steps.get("train", "") for cell in run.cells if cell.variant == variant)


def _logs(run: LoadedRun, variant: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Steps and losses of every seed of a variant, each fine-tuning once."""
    found = []
    for name in _trainings(run, variant):
        step = run.steps.get(name)
        table = step.table("train_log.parquet", ("step", "loss")) if step else None
        if table is not None and table.num_columns == 2:
            rows = [
                (n, loss) for n, loss in zip(*(column.to_pylist() for column in table.columns), strict=True)
            ]
            kept = np.array([row for row in rows if row[0] is not None and row[1] is not None], dtype=float)
            if len(kept):
                found.append((kept[:, 0], kept[:, 1]))
    return found


def _binned(
    steps: Float[np.ndarray, " point"], loss: Float[np.ndarray, " point"], edges: Float[np.ndarray, " edge"]
) -> Float[np.ndarray, " bin"]:
    """Mean loss in each stretch of steps; nan where none was logged."""
    place = np.clip(np.searchsorted(edges, steps, side="left") - 1, 0, len(edges) - 2)
    sums = np.bincount(place, weights=loss, minlength=len(edges) - 1)
    counts = np.bincount(place, minlength=len(edges) - 1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
