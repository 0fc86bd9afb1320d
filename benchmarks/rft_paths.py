"""Filter, keys and diversity at k = 100 against a plain version of the paper's recipe; a million samples.

    python benchmarks/rft_paths.py [--questions 200] [--k 100]        the comparison
    python benchmarks/rft_paths.py --scale 1000000 [--workers 2]      whole runs at 1/8, 1/4, 1/2, all

The plain version is our own, written after a description of the public script of Yuan et al. 2023
(arXiv 2308.01825): for every sample compare the number after #### as a float; compute the left side of
every <<…>> mark and compare it with the right side; join the marks, without blanks, to a key; keep the
first trace of a key; when a key comes again, sum the Levenshtein distances of both traces to all other kept
ones and keep the farther. It computes by `repo.python_value`, which parses as Python does but evaluates
nothing; what that takes is told apart, so that the ratio can be read without it. It is timed with the edit
distance written out in Python, with the package that the script calls (`editdistance`, compiled; left out
where it is not installed), and with rapidfuzz's, which is faster and which ours uses. Ours
runs in mode `repo`, must keep exactly the same traces, and is then also timed in its default mode, which
checks running text and grounding too and compares graphs.

Samples are made from the lab's problems to the sizes that the paper reports: about half of them right,
about five ways to each question, solutions of some 130 tokens, words varied.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from cotmill.augment.collect import Question, Sampled
from cotmill.augment.config import RftConfig
from cotmill.augment.filter import Filter
from cotmill.augment.repo import python_value
from cotmill.augment.rft import make_rft
from cotmill.augment.samples import Sample
from cotmill.augment.shards import SHARD_SAMPLES, decide
from cotmill.augment.store import SampleStore
from cotmill.core.ids import rng_of
from cotmill.data.pool import Pool
from cotmill.data.types import Example
from cotmill.execute.executor import Execution
from cotmill.lab.paths import solutions
from cotmill.lab.problems import generate

WORDS = (
    "So we add up what the first line of the question says about this, and find: ",
    "Then, as it says above, the next thing to look for is this one here. ",
    "Now let us think about the second thing that we were told before. ",
    "Well, that is what remains to be found when all the others are known: ",
    "Next, take the number from the line above and use it once more. ",
    "We see that this can be written down with what is known by now. ",
    "It is not hard to see what has to come out of this line at last: ", "",
)  # fmt: skip
WAYS, RIGHT = 5, 0.55


# ---- samples ----------------------------------------------------------------------------------------


def texts_of(ways: list[str], number: int, k: int) -> Iterator[str]:
    """Vary the words of a few ways, and spoil every second trace."""
    rng = rng_of(0, "samples", number)
    for _ in range(k):
        lines = ways[int(len(ways) * rng.random() ** 2)].split("\n")
        lines = [WORDS[int(rng.integers(len(WORDS)))] + line for line in lines[:-1]] + lines[-1:]
        luck = rng.random()
        if luck > (1 + RIGHT) / 2:
            lines[-1] = f"#### {int(rng.integers(1, 400))}"
        elif luck > RIGHT:
            lines[0] = re.sub(r"=(\d+)>>\d+", lambda m: f"={int(m[1]) + 1}>>{int(m[1]) + 1}", lines[0])
            lines[-1] += "1" if rng.random() < 0.8 else ""
        yield "\n".join(lines)


def made(questions: int, k: int) -> tuple[Pool, list[Sampled]]:
    """Questions of the lab, each with its samples."""
    problems = list(generate(3, questions, min_steps=2))
    pool = Pool.from_rows({"question": p.question, "gold": p.answer, "trace": p.solution} for p in problems)
    found = []
    for number, (problem, example_id) in enumerate(
        zip(problems, pool.column("example_id").to_pylist(), strict=True)
    ):
        ways = solutions(problem, WAYS, 0, commuted=True)
        samples = [
            {"sample_id": f"{example_id[:24]}{n:08x}", "index": n, "text": text, "finish_reason": "stop",
             "tokens": len(text), "writer": "m"}
            for n, text in enumerate(texts_of(ways, number, k))
        ]  # fmt: skip
        question = Question(Example(problem.question, problem.answer), "", (problem.solution,))
        found.append(Sampled(example_id, question, samples))
    return pool, found


# ---- the plain version ------------------------------------------------------------------------------


def written_out(one: str, other: str) -> int:
    """Levenshtein distance as a textbook has it."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


DISTANCES: dict[str, Callable[[str, str], int]] = {"rapidfuzz": Levenshtein.distance, "Python": written_out}
with suppress(ImportError):
    DISTANCES["editdistance"] = import_module("editdistance").eval


class Plain:
    """The recipe, a trace at a time; counts where the time goes."""

    def __init__(self, distance: Callable[[str, str], int]) -> None:
        """Use this edit distance."""
        self.arithmetic = self.distance = 0.0
        self.between = distance
        self.kept: list[set[str]] = []

    def right_mark(self, mark: str) -> bool:
        """Compute the left side and compare."""
        sides = mark.split("=")
        started = time.process_time()
        try:
            return abs(python_value(sides[0]) - float(sides[1])) < 1e-3
        except (ValueError, ArithmeticError, IndexError, TypeError):
            return False
        finally:
            self.arithmetic += time.process_time() - started

    def far(self, text: str, others: list[str]) -> int:
        """Sum of distances to the other kept traces."""
        return sum(self.between(text, other) for other in others)

    def keep(self, gold: str, texts: list[str]) -> list[str]:
        """Choose the traces of one question."""
        kept: dict[str, str] = {}
        for text in texts:
            answer = re.search(r"#### (-?[0-9.,]+)", text)
            if answer is None or float(answer[1].replace(",", "")) != float(gold):
                continue
            marks = re.findall(r"<<([^>]*)>>", text)
            if not all([self.right_mark(mark) for mark in marks]):  # noqa: C419 - the script checks all
                continue
            key = "|".join(marks).replace(" ", "")
            if key not in kept:
                kept[key] = text
                continue
            started = time.process_time()
            others = [other for name, other in kept.items() if name != key]
            if self.far(text, others) > self.far(kept[key], others):
                kept[key] = text
            self.distance += time.process_time() - started
        return list(kept.values())


# ---- the comparison ---------------------------------------------------------------------------------


def timed_ours(sampled: list[Sampled], config: RftConfig) -> tuple[float, list[list[str]]]:
    """Decide in blocks of a shard's size; what each question keeps."""
    kept = []
    per = max(1, SHARD_SAMPLES // len(sampled[0].samples))
    started = time.process_time()
    with Filter(config.resolved()) as judge:
        for start in range(0, len(sampled), per):
            for one in decide(sampled[start : start + per], judge):
                kept.append([item.text for item in one.decisions if item.kept])
    return time.process_time() - started, kept


def compare(questions: int, k: int) -> None:
    _, sampled = made(questions, k)
    count = sum(len(one.samples) for one in sampled)
    timed_ours(sampled[:2], RftConfig(mode="repo"))  # imports
    seconds, ours = timed_ours(sampled, RftConfig(mode="repo"))
    default, new = timed_ours(sampled, RftConfig())
    length = sum(len(s["text"]) for one in sampled for s in one.samples) / count
    print(f"{questions} questions, k = {k}, {length:.0f} characters a sample, one core; ", end="")
    kept = [sum(map(len, one)) / questions for one in (ours, new)]
    print(f"{kept[0]:.2f} traces kept a question, by default {kept[1]:.2f}")
    print("\n| version | µs a sample | times mode repo | times default |\n|---|---|---|---|")
    for name, distance in DISTANCES.items():
        few = sampled if distance is not written_out else sampled[: max(1, questions // 50)]
        plain, spent = plain_run(few, distance)
        assert plain.kept == [set(kept) for kept in ours[: len(few)]], "both must keep the same traces"
        samples = sum(len(one.samples) for one in few)
        for part, used in {
            "": spent,
            ", of it arithmetic": plain.arithmetic,
            ", of it distances": plain.distance,
        }.items():
            each = used / samples
            ratios = f"{each / seconds * count:.1f} | {each / default * count:.1f}"
            print(f"| plain, {name}{part} | {each * 1e6:.1f} | {ratios} |")
    print(f"| ours, mode repo | {seconds / count * 1e6:.1f} | 1.0 | |")
    print(f"| ours, default mode | {default / count * 1e6:.1f} | | 1.0 |")


def plain_run(sampled: list[Sampled], distance: Callable[[str, str], int]) -> tuple[Plain, float]:
    """Run the plain version on some questions."""
    plain = Plain(distance)
    started = time.process_time()
    kept = [plain.keep(one.question.example.gold or "", [s["text"] for s in one.samples]) for one in sampled]
    spent = time.process_time() - started
    plain.kept = [set(texts) for texts in kept]
    return plain, spent


# ---- a million --------------------------------------------------------------------------------------


def fill(folder: Path, samples: int, k: int) -> Pool:
    """Write a store of so many samples: the same few problems again and again, under other names."""
    base, sampled = made(100, k)
    del base
    store = SampleStore.open(folder / "store")
    settings = store.add_settings({"temperature": 0.7})
    rows = []
    for copy in range(-(-samples // (100 * k))):
        for one in sampled:
            example = replace(one.question.example, question=f"{one.question.example.question} ({copy})")
            rows.append({"question": example.question, "gold": example.gold, "trace": one.question.golds[0]})
            store_rows = [
                Sample(example.id, "m", "m", "", settings, n, n, s["text"], 99, 9, "stop", 256)
                for n, s in enumerate(one.samples)
            ]
            rows[-1]["samples"] = store_rows
        store.add([sample for row in rows if "samples" in row for sample in row.pop("samples")])
    store.finish()
    return Pool.from_rows(rows).write(folder / "data")


def whole(folder: Path, workers: int) -> None:
    """Run once on a filled folder, in a process of its own, and say what it took."""
    started = time.perf_counter()
    result = make_rft(
        [folder / "store"], Pool.open(folder / "data"), folder / "rft", execution=Execution(workers=workers)
    )
    took = time.perf_counter() - started
    own, children = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        json.dumps(
            {
                "samples": result.counts["samples"],
                "seconds": took,
                "mb": own / 1024,
                "worker_mb": children / 1024,
            }
        )
    )


def scale(samples: int, k: int, workers: int) -> None:
    print("| samples | seconds | µs a sample | parent MB | largest worker MB |\n|---|---|---|---|---|")
    for part in (8, 4, 2, 1):
        with tempfile.TemporaryDirectory() as name:
            fill(Path(name), samples // part, k)
            command = [sys.executable, __file__, "--whole", name, "--workers", str(workers)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            row: dict[str, Any] = json.loads(said.splitlines()[-1])
            each = row["seconds"] / row["samples"] * 1e6
            memory = f"{row['mb']:.0f} | {row['worker_mb']:.0f}"
            print(f"| {row['samples']:,} | {row['seconds']:.0f} | {each:.0f} | {memory} |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--scale", type=int)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--whole", type=Path)
    told = parser.parse_args()
    if told.whole is not None:
        whole(told.whole, told.workers)
    elif told.scale is not None:
        scale(told.scale, told.k, told.workers)
    else:
        compare(told.questions, told.k)


if __name__ == "__main__":
    main()
