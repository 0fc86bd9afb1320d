"""The short form of benchmarks/faults.py: each fault once, in verbs that need no model."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from fault_bench import Bench, chosen, make_world
from fault_cases import disturb
from fault_process import Forked
from faults import page

CASES = [
    ("kill -9", "verify"),
    ("full disk", "select"),
    ("read-only folder", "export"),
    ("truncated file", "select"),
    ("flipped bit", "verify"),
    ("SIGINT", "augment rft"),
    ("SIGTERM", "verify"),
    ("two at once", "augment rft"),
    ("another setting", "verify"),
    ("another layout", "verify"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Make the small world, and the process that has imported everything."""
    folder = tmp_path_factory.mktemp("faults")
    with Forked(light=True) as forked:
        yield Bench(folder, forked, make_world(folder / "world", rows=24))


@pytest.mark.parametrize(("fault", "name"), CASES)
def test_nothing_is_lost_or_doubled_and_the_result_is_that_of_an_undisturbed_run(
    bench: Bench, fault: str, name: str
) -> None:
    (verb,) = chosen([name])
    cell = disturb(bench, fault, verb, kills=3 if fault == "kill -9" else 0)
    assert cell.good, cell.outcome


def test_the_page_shows_what_was_not_borne_and_what_was_not_tried() -> None:
    cells = [
        {"fault": "full disk", "verb": "verify", "good": True, "outcome": "a sentence", "times": 1},
        {"fault": "full disk", "verb": "select", "good": False, "outcome": "lost | rows", "times": 1},
    ]
    text = page({"cells": cells})
    assert "| verify | a sentence |" in text
    assert "| select | **not borne**: lost \\| rows |" in text
    assert "| train | **not tried yet** |" in text
    assert "2 cells, 1 of them not borne" in text
