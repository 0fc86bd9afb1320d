"""Intervals against worlds whose truth is known."""

import numpy as np
import pytest

from cotmill.core.variance import spread_of_differences
from cotmill.study.choose import choose
from cotmill.study.curves import curve, foretold, stacked
from cotmill.study.draws import BOTH, ITEMS_ONLY, MEANS_ONLY, POOLED, draw, interval
from cotmill.study.points import Point

SIZES = np.array([125.0, 250.0, 500.0, 1000.0, 2000.0])


def test_the_words_say_what_the_draws_speak_of(made):
    assert draw([made(0.5), made(0.6, rows=200)]).method == BOTH
    assert draw([made(0.5, seeds=3), made(0.6, rows=200)]).method == POOLED
    assert draw([made(0.5, seeds=1)]).method == ITEMS_ONLY
    assert draw([Point("m", "SFT", 1.0, "t", 0.5, 100)]).method == MEANS_ONLY


def test_the_same_seed_gives_the_same_draws(made):
    points = [made(0.4), made(0.5, rows=200)]
    assert (draw(points).drawn == draw(points).drawn).all()
    assert (draw(points, seed=1).drawn != draw(points).drawn).any()


def test_what_settings_share_cancels_in_their_difference(made):
    one, other = made(0.5, rows=100), made(0.5, rows=200)
    drawn = draw([one, other]).drawn
    apart = drawn[:, 0].var() + drawn[:, 1].var()
    assert (drawn[:, 0] - drawn[:, 1]).var() < 0.8 * apart


def test_a_setting_is_drawn_as_widely_as_the_two_way_variance_says(made):
    """Student's t widens the seeds' share, by a third of its variance with ten seeds."""
    ratios = []
    for world in range(12):
        one, other = made(0.5, seeds=10, world=world), made(0.6, seeds=10, rows=200, world=world)
        spread = spread_of_differences([one.table], other.table)
        drawn = draw([one, other], draws=1000).drawn
        ratios.append((drawn[:, 1] - drawn[:, 0]).var() / spread.variance)
    assert 0.95 < np.mean(ratios) < 1.5


def test_a_mean_without_answers_is_drawn_by_the_binomial():
    drawn = draw([Point("m", "SFT", 1.0, "t", 0.4, 1000)], draws=4000).drawn[:, 0]
    assert drawn.std() == pytest.approx(np.sqrt(0.24 / 1000), rel=0.05)


@pytest.mark.parametrize(("seeds", "skill"), [(5, 0.0), (5, 0.3), (3, 0.2)])
def test_the_interval_of_a_slope_holds_the_truth_as_often_as_it_says(made, seeds, skill):
    """The truth is the mean over worlds: new questions and new seeds each time."""
    shares = 0.2 + 0.08 * np.arange(5)
    slopes, ends = [], []
    for world in range(40):
        points = [
            made(share, rows=size, seeds=seeds, skill=skill, world=world, items=150)
            for share, size in zip(shares, SIZES, strict=True)
        ]
        draws = draw(points, draws=200)
        found = curve(points[:2], draws.of([0, 4]), SIZES[[0, 4]])["slope"]
        slopes.append(found["value"])
        ends.append((found["low"], found["high"]))
    truth = np.mean(slopes)
    covered = np.mean([low <= truth <= high for low, high in ends])
    assert covered >= 0.8  # 40 worlds are few; 93 to 96 % in 400 worlds (benchmarks/study_coverage.py)


def test_a_prediction_interval_holds_what_is_measured_later(made):
    """Fitted on five sizes of a law with a ceiling, the eighth size is foretold: eight times the data."""
    held = 0
    for world in range(12):
        law = 0.7 - 0.6 * (np.append(SIZES, 16_000.0) / 125) ** -0.6
        points = [made(y, rows=x, world=world) for x, y in zip(np.append(SIZES, 16_000.0), law, strict=True)]
        y = stacked(draw(points[:5], draws=100))
        told = foretold(choose(SIZES, y), y, SIZES, 16_000.0)
        held += told["low"] <= points[5].accuracy <= told["high"]
    assert held >= 10


def test_an_interval_always_holds_its_value():
    assert interval(0.9, np.linspace(0, 0.5, 50)).high == 0.9
    assert interval(0.5, np.array([np.nan])).low == -np.inf
