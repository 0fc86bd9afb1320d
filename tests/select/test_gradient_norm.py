"""The norm of the output layer's gradient."""

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.select import GradientNorm


def test_large_or_small_gradients_are_taken(make_pool, make_readings):
    pool = make_pool(5)
    readings = make_readings(pool, gradient_norm=[1.0, 5.0, 2.0, 4.0, 3.0])
    for rule, taken in (("top", [1]), ("bottom", [0]), ("middle", [4])):
        selection = GradientNorm(rule=rule)(pool, readings, budget=1, seed=0)
        assert np.flatnonzero(selection.taken).tolist() == taken


def test_readings_without_gradients_are_refused_with_what_to_type(make_pool, make_readings):
    with pytest.raises(EvidenceError, match="--part gradient"):
        GradientNorm()(make_pool(4), make_readings(make_pool(4)), budget=1, seed=0)
