"""Workers that can be killed, restarted and reused, from any thread."""

import threading
import time

import pytest

from cotmill.verify import SymbolicConfig, SymbolicPool, Verdict, judge_answer
from cotmill.verify.symbolic import refusal

SLOW = (r"(x+y+z+w+v)^{60}\sin(x)=1", r"(x+y+z+w+v)^{61}\sin(x)=2")


@pytest.fixture(scope="module")
def pool():
    made = SymbolicPool(SymbolicConfig(seconds=0.5, wall_seconds=30.0, workers=2))
    yield made
    made.close()


def test_algebra_decides_what_values_cannot(pool: SymbolicPool) -> None:
    pairs = [
        (r"\arcsin(1)", r"\pi/2"),
        (r"\lfloor x\rfloor+1", r"1+\lfloor x\rfloor"),
        (r"e^{i\pi}", "-1"),
        (r"\arctan(x)", r"\arcsin(x)"),
    ]
    assert pool.compare_all(pairs) == ["same", "same", "same", "different"]
    assert pool.compare_all([(b, a) for a, b in pairs]) == ["same", "same", "same", "different"]


def test_a_hanging_pair_costs_only_itself(pool: SymbolicPool) -> None:
    pairs = [(r"\arcsin(1)", r"\pi/2"), SLOW, (r"\arccos(1)", "0")]
    assert pool.compare_all(pairs) == ["same", "timeout", "same"]


def test_a_hanging_pair_is_a_timeout_not_a_wrong_answer(pool: SymbolicPool) -> None:
    found = judge_answer(SLOW[0], f"\\boxed{{{SLOW[1]}}}", pool=pool)
    assert found.verdict is Verdict.TIMEOUT


def test_any_thread_may_ask(pool: SymbolicPool) -> None:
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        found[number] = pool.compare(rf"\arcsin({number}/9)", rf"\arcsin({2 * number}/18)")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == dict.fromkeys(range(6), "same")


def test_workers_are_recycled() -> None:
    small = SymbolicPool(SymbolicConfig(recycle_after=1, wall_seconds=30.0))
    try:
        assert small.compare(r"\arcsin(1)", r"\pi/2") == "same"
        assert small.compare(r"\arcsin(0)", "0") == "same"
    finally:
        small.close()


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "9^{9^{9}}",
        "2^{1000}",
        "1" * 100,
        "((" * 30,
        "x" * 1000,
        "99999!",
        "__import__('os')",
        "π",
        r"\input{x}",
    ],
)
def test_guards_refuse_before_anything_is_parsed(text: str) -> None:
    started = time.monotonic()
    assert refusal(text, SymbolicConfig())
    assert time.monotonic() - started < 0.1


@pytest.mark.parametrize("text", [r"\frac{a^2+b^2}{c}", r"e^{-x}", r"x^{2n+1}", "5!", r"2^{10}"])
def test_guards_let_ordinary_answers_pass(text: str) -> None:
    assert refusal(text, SymbolicConfig()) == ""
