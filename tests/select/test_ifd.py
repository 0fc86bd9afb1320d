"""The loss with the question over the loss without it."""

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.select import IFD


def test_the_highest_ratio_below_one_comes_first_and_ratios_of_one_come_last(make_pool, make_readings):
    pool = make_pool(4)
    bare = {"bare_loss_sum": [10.0, 10.0, 10.0, 10.0], "bare_tokens": np.full(4, 10)}
    readings = make_readings(pool, loss_sum=[5.0, 9.0, 12.0, 10.0], **bare)
    selection = IFD()(pool, readings, budget=3, seed=0)
    assert selection.table["place"].to_pylist() == [1, 0, 2, 3]
    assert selection.summary["details"]["rows_at_one_or_above"] == 2


def test_readings_without_the_bare_answer_are_refused_with_what_to_type(make_pool, make_readings):
    pool = make_pool(4)
    with pytest.raises(EvidenceError, match=r"lack bare_loss_sum.*--part bare"):
        IFD()(pool, make_readings(pool), budget=1, seed=0)
