"""Does the shift of dependence predict the gain? Trainings of a Run, each against the plain one of its seed.

For every arm, grid point and seed: the share of influence that comes from the question, less that of the arm
it is compared to (the shift), beside the difference in accuracy (the gain). The paper shows both and no link
between them; here is their correlation, over trainings, with an interval over seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from cotmill.core.ids import rng_of

DRAWS = 2_000
SHARE, ACCURACY = "question_share", "accuracy"
Row = Mapping[str, Any]


def shifts(rows: Iterable[Row], against: str) -> Iterator[dict[str, Any]]:
    """Pair every training with the one of its own grid point and seed in the arm `against`.

    Rows have `arm`, `point`, `seed`, `test`, `accuracy` and `question_share`.
    """
    known = list(rows)
    base = {(row["point"], row["seed"], row["test"]): row for row in known if row["arm"] == against}
    for row in known:
        plain = base.get((row["point"], row["seed"], row["test"]))
        if plain is not None and row["arm"] != against:
            same = {name: row[name] for name in ("arm", "point", "seed", "test")}
            yield {**same, "shift": row[SHARE] - plain[SHARE], "gain": row[ACCURACY] - plain[ACCURACY]}


def correlations(paired: Sequence[Row], *, seed: int = 0) -> list[dict[str, Any]]:
    """Correlate shift and gain over the trainings of each test, with an interval over draws of seeds."""
    return [
        {"test": test, **_correlation([row for row in paired if row["test"] == test], seed)}
        for test in dict.fromkeys(row["test"] for row in paired)
    ]


def _correlation(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """Correlate one test's trainings; a seed's trainings are drawn together, since they share their data."""
    groups: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        groups.setdefault(row["seed"], []).append((row["shift"], row["gain"]))
    parts = [np.array(group) for group in groups.values()]
    rng = rng_of(seed, "shift")
    drawn = np.array(
        [
            pearson(np.concatenate([parts[place] for place in rng.integers(len(parts), size=len(parts))]))
            for _ in range(DRAWS)
        ]
    )
    finite = drawn[np.isfinite(drawn)]
    low, high = np.quantile(finite, [0.025, 0.975]) if len(finite) else (np.nan, np.nan)
    whole = np.concatenate(parts)
    return {"trainings": len(rows), "seeds": len(groups), "mean_shift": float(whole[:, 0].mean()),
            "mean_gain": float(whole[:, 1].mean()), "correlation": pearson(whole),
            "low": float(low), "high": float(high)}  # fmt: skip


def pearson(pairs: Float[np.ndarray, "training 2"]) -> float:
    """Correlate two columns; nan where one of them does not vary.

    >>> pearson(np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]))
    1.0
    """
    centred = pairs - pairs.mean(0)
    size = float(np.sqrt((centred**2).sum(0).prod()))
    return round(float((centred[:, 0] * centred[:, 1]).sum()) / size, 12) if size > 0 else float("nan")
