"""Raw outputs survive a kill at any byte, and a larger allowance asks only the cut answers again."""

from dataclasses import replace
from pathlib import Path

from cotmill.evaluate.store import OUTPUTS, Output, OutputStore


def output(number: int, **changes: object) -> Output:
    made = Output(f"key{number}", f"row{number}", 0, f"text \u2028 {number}\n", 5, "stop", 20)
    return replace(made, **changes)


def test_a_kill_at_any_byte_costs_at_most_the_last_batch(tmp_path: Path) -> None:
    store = OutputStore(tmp_path)
    store.append([output(0), output(1)])
    first = len((tmp_path / OUTPUTS).read_bytes())
    store.append([output(2), output(3)])
    whole = (tmp_path / OUTPUTS).read_bytes()
    for length in {*range(0, len(whole), 7), first - 1, first, first + 1, len(whole) - 1, len(whole)}:
        (tmp_path / OUTPUTS).write_bytes(whole[:length])
        again = OutputStore(tmp_path)
        batches = (length >= first) + (length >= len(whole))
        assert [again.get(f"key{n}", 20) is not None for n in range(4)] == [n < 2 * batches for n in range(4)]
        if batches == 0:
            again.append([output(0), output(1)])
        if batches < 2:
            again.append([output(2), output(3)])
        assert (tmp_path / OUTPUTS).read_bytes() == whole


def test_an_answer_that_ended_serves_a_larger_allowance_and_a_cut_one_does_not(tmp_path: Path) -> None:
    store = OutputStore(tmp_path)
    store.append([output(0), output(1, finish_reason="length", tokens=20)])
    assert store.get("key0", 40) is not None
    assert store.get("key0", 4) is None
    assert store.get("key1", 40) is None
    assert store.get("key1", 20) is not None


def test_the_latest_answer_wins(tmp_path: Path) -> None:
    store = OutputStore(tmp_path)
    store.append([output(0, finish_reason="length", tokens=20)])
    store.append([output(0, tokens=30, max_new_tokens=40, text="longer")])
    found = OutputStore(tmp_path).get("key0", 40)
    assert found is not None
    assert found.text == "longer"
