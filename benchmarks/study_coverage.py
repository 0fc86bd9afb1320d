"""How often the 95 % interval of a difference holds the truth, in made-up worlds of questions and seeds.

    python benchmarks/study_coverage.py [--worlds 400]

Questions differ in ease and seeds in skill (standard deviation in log odds; 0.3 is about six points).
"""

import argparse

import numpy as np

from cotmill.core.ids import rng_of
from cotmill.study.draws import draw, interval
from cotmill.study.points import Point

ITEMS = 150
CASES = ((5, 0.0), (5, 0.15), (5, 0.3), (3, 0.2), (10, 0.3))


def setting(level: float, rows: float, seeds: int, skill: float, world: int) -> Point:
    """Make the answers of one setting."""
    ease = rng_of(world, "ease").standard_normal(ITEMS)
    rng = rng_of(world, "answers", int(rows), seeds)
    chance = 1 / (1 + np.exp(-(level + ease + skill * rng.standard_normal(seeds)[:, None])))
    table = (rng.random((seeds, ITEMS)) < chance).astype(float)
    names = tuple(f"q{n}" for n in range(ITEMS))
    return Point("m", "SFT", rows, "test", float(table.mean()), ITEMS, {}, table, tuple(range(seeds)), names)


def main() -> None:
    """Count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=400)
    worlds = parser.parse_args().worlds
    print("| seeds | spread of seeds | covered | mean width, points |\n|--:|--:|--:|--:|")
    for seeds, skill in CASES:
        found = []
        for world in range(worlds):
            pair = [setting(-1.6, 125.0, seeds, skill, world), setting(0.1, 2000.0, seeds, skill, world)]
            draws = draw(pair, draws=300)
            gap = draws.drawn[:, 1] - draws.drawn[:, 0]
            found.append(interval(float(draws.measured[1] - draws.measured[0]), gap))
        truth = np.mean([one.value for one in found])
        held = np.mean([one.low <= truth <= one.high for one in found])
        width = 100 * np.mean([one.high - one.low for one in found])
        print(f"| {seeds} | {skill} | {100 * held:.1f} % | {width:.1f} |")


if __name__ == "__main__":
    main()
