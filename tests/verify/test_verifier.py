"""The three findings together, and what decides."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from cotmill.data.types import Example, Trace
from cotmill.verify import Verdict, Verifier

QUESTION = "Ann buys 3 bags of 4 eggs. How many eggs does she have?"
GOLD = Example(QUESTION, "12")


def test_a_sound_trace_is_accepted() -> None:
    found = Verifier()(GOLD, Trace("3 * 4 = <<3*4=12>>12\n#### 12"))
    assert found.accepted
    assert found.answer.verdict is Verdict.CORRECT
    assert (found.equations.right, found.grounding.score) == (2, 1)


@pytest.mark.parametrize(
    ("trace", "because"),
    [
        ("3 * 5 = <<3*5=15>>15\n#### 15", "answer wrong"),
        ("3 * 4 = <<3*4=13>>13, no, 12\n#### 12", "wrong equation"),
        ("<<19-7=12>>12\n#### 12", "operand from nowhere"),
        ("<<3+4=7>>7\n#### 12", "the answer is not the result"),
        ("I cannot say", "answer unparsed"),
    ],
)
def test_each_finding_rejects_with_its_own_reason(trace: str, because: str) -> None:
    found = Verifier()(GOLD, trace)
    assert not found.accepted
    assert found.because.startswith(because)


def test_each_finding_can_be_ablated() -> None:
    invented, wrong_step = "<<19-7=12>>12\n#### 12", "3*4 = <<3*4=13>>13\n#### 12"
    assert Verifier(grounding=False)(GOLD, invented).accepted
    assert Verifier(equations=False, grounding=False)(GOLD, wrong_step).accepted
    assert Verifier(reject_on=())(GOLD, invented).accepted
    assert not Verifier(reject_on=("unused_result",))(GOLD, "<<3+4=7>>7 <<3*4=12>>12\n#### 12").accepted


def test_an_example_without_gold_is_unparsed() -> None:
    assert Verifier()(Example("?", None), "#### 5").answer.verdict is Verdict.UNPARSED


def test_a_stream_gives_the_same_as_one_by_one() -> None:
    traces = ["#### 12", "#### 13", "\\boxed{\\arcsin(1)}", "12 is it"] * 3
    verifier = Verifier()
    assert list(verifier.all((GOLD, trace) for trace in traces)) == [
        verifier(GOLD, trace) for trace in traces
    ]
    assert [v.verdict for v in verifier.verdicts((GOLD, t) for t in traces)] == [
        verifier.verdict(GOLD, trace).verdict for trace in traces
    ]


def test_a_verifier_is_frozen_and_compares_by_its_rules() -> None:
    verifier = Verifier()
    with pytest.raises(FrozenInstanceError):
        verifier.strict_rule = "math"  # type: ignore[misc]
    assert verifier == Verifier()
    assert verifier != Verifier(grounding=False)


def test_verify_is_a_light_import() -> None:
    code = """
import json, sys, time
started = time.process_time()
import cotmill.verify
seconds = time.process_time() - started
heavy = [name for name in ("torch", "math_verify", "sympy", "pyarrow", "numpy") if name in sys.modules]
print(json.dumps([seconds, heavy]))
"""
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(source)},
    )
    seconds, heavy = json.loads(done.stdout)
    assert heavy == []
    assert seconds < 0.3
