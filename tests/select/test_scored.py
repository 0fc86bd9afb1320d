"""Scores of one's own, by any rule."""

import numpy as np
import pytest

from cotmill.core.errors import RecipeError
from cotmill.evidence import Scores
from cotmill.select import Scored


def take(make_pool, budget: int, **options: object) -> list[int]:
    pool = make_pool(10)
    scores = Scores(row_ids=pool.ids, values=np.arange(10.0))
    return np.flatnonzero(Scored(**options)(pool, scores, budget=budget, seed=0).taken).tolist()


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, [7, 8, 9]),
        ({"rule": "bottom"}, [0, 1, 2]),
        ({"rule": "threshold", "low": 6.5}, [7, 8, 9]),
        ({"rule": "threshold", "low": "1", "high": 3}, [1, 2, 3]),
        ({"rule": "band", "low": 0.2, "high": 0.5}, [2, 3, 4]),
    ],
)
def test_every_rule_takes_its_rows(make_pool, options, rows):
    assert take(make_pool, 3, **options) == rows


def test_the_middle_is_around_the_median(make_pool):
    assert take(make_pool, 4, rule="middle") == [3, 4, 5, 6]


def test_a_threshold_that_too_few_rows_pass_is_refused_with_numbers(make_pool):
    with pytest.raises(RecipeError, match="asks for 3 rows, but only 2 of 10 may be drawn"):
        take(make_pool, 3, rule="threshold", low=8.0)
