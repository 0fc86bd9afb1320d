"""Made-up settings whose truth is known."""

from collections.abc import Callable

import numpy as np
import pytest

from cotmill.core.ids import rng_of
from cotmill.study.points import Point

Make = Callable[..., Point]


@pytest.fixture
def made() -> Make:
    """Make a setting whose answers are drawn: questions of uneven ease, seeds of uneven skill."""

    def make(
        accuracy: float, *, rows: float = 100, seeds: int = 5, items: int = 200, method: str = "SFT",
        model: str = "m", skill: float = 0.0, world: int = 0, **facts: float,
    ) -> Point:  # fmt: skip
        ease = rng_of(world, "ease").standard_normal(items)
        rng = rng_of(world, "answers", model, method, int(rows), seeds)
        level = np.log(accuracy / (1 - accuracy)) * 1.16  # the spread of ease pulls shares towards a half
        tilt = skill * rng.standard_normal(seeds)[:, None]
        chance = 1 / (1 + np.exp(-(level + ease[None, :] + tilt)))
        table = (rng.random((seeds, items)) < chance).astype(float)
        names = tuple(f"q{n}" for n in range(items))
        return Point(
            model,
            method,
            float(rows),
            "test",
            float(table.mean()),
            items,
            facts,
            table,
            tuple(range(seeds)),
            names,
        )

    return make
