"""Accuracy against distinct reasoning paths per question, and against the samples that were drawn for them.

`paths` counts the given solution as one, as the paper's column does (arXiv 2308.01825, table 2). Which of
the two, paths or samples, tells more about accuracy is decided by held-out error over the same settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cotmill.study.choose import held_out_error
from cotmill.study.curves import curve, stacked
from cotmill.study.draws import Draws, interval
from cotmill.study.forms import LINE
from cotmill.study.points import Point, kind_of

LEAST = 3


def against_paths(points: Sequence[Point], draws: Draws) -> Iterator[dict[str, Any]]:
    """Fit each base's settings that differ in their own samples alone."""
    for model in dict.fromkeys(point.model for point in points):
        rows = max((point.rows for point in points if point.model == model), default=0.0)
        own = [n for n, p in enumerate(points) if (p.model, p.rows, kind_of(p)) == (model, rows, "rft")]
        mine = [place for place in own if (points[place].fact("paths") or 0) > 0]
        mine.sort(key=lambda place: points[place].facts["paths"])
        x = np.array([points[place].facts["paths"] for place in mine])
        if len(np.unique(x)) < LEAST:
            continue
        found = curve([points[place] for place in mine], draws.of(mine), x)
        yield found | {
            "method": "RFT",
            "rows": rows,
            "correlation": float(np.corrcoef(np.log2(x), draws.measured[mine])[0, 1]),
            "samples": _samples(points, draws, mine),
        }


def _samples(points: Sequence[Point], draws: Draws, mine: Sequence[int]) -> dict[str, Any] | None:
    """Compare paths with samples as what accuracy is foretold from."""
    k = np.array([points[place].fact("k") or 0.0 for place in mine])
    if (k <= 0).any() or len(np.unique(k)) < LEAST + 1:
        return None
    y = stacked(draws.of(mine))
    by_paths = held_out_error(LINE, np.array([points[place].facts["paths"] for place in mine]), y)
    by_samples = held_out_error(LINE, k, y)
    gap = by_samples - by_paths
    return {
        "by_paths": float(by_paths[0]),
        "by_samples": float(by_samples[0]),
        "difference": interval(float(gap[0]), gap[1:]).as_json(),
    }
