"""What the faults of `faults.py` share: the small world, an output per fault, the comparison at the end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cotmill.core.ids import rng_of
from cotmill.lab.pools import make_pool

TESTS = Path(__file__).parents[1] / "tests" / "augment"
sys.path[:0] = [str(Path(__file__).parent), str(TESTS)]
from fault_process import Ended, Forked  # noqa: E402 - found by the line above
from fault_verbs import RECIPE, VERBS, Verb, World, digest  # noqa: E402
from made_samples import make_store, pool_of, problems  # noqa: E402

SERVER = TESTS / "faulty_server.py"


@dataclass(frozen=True)
class Cell:
    """One cell of the table: what came of a fault in a verb."""

    fault: str
    verb: str
    good: bool
    outcome: str
    times: int = 1
    """How often the fault was made."""


class Wrong(Exception):  # noqa: N818 - it is the finding, not an error of the benchmark
    """A fault was not borne; the message says how."""


@dataclass
class Bench:
    """The world, the process that forks, and the undisturbed outputs."""

    folder: Path
    forked: Forked
    world: World
    seed: int = 0
    whole: dict[str, dict[str, str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def words(self, verb: Verb, out: Path) -> list[str]:
        """The command of a verb."""
        return verb.words(self.world, out)

    def fresh(self, fault: str, verb: Verb) -> Path:
        """An empty folder for one fault in one verb; gives the place of the output."""
        folder = (
            self.folder / "faults" / fault.replace(" ", "-").replace("/", "-") / verb.name.replace(" ", "-")
        )
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return verb.out(folder)

    def log(self, out: Path) -> Path:
        """Where a process says things: never inside what is disturbed."""
        return self.folder / "logs" / f"{abs(hash(str(out)))}.log"

    def run(self, verb: Verb, out: Path, **limits: int) -> Ended:
        """Run a verb to its end."""
        return self.forked.run(self.words(verb, out), self.log(out), dict(limits))

    def prepare(self, verb: Verb) -> None:
        """Make the undisturbed output, once."""
        if verb.name in self.whole:
            return
        out = self.undisturbed(verb)
        out.parent.mkdir(parents=True, exist_ok=True)
        ended = self.run(verb, out)
        if ended.code:
            raise Wrong(f"{verb.name} fails undisturbed: {ended.said[-800:]}")
        self.whole[verb.name], self.seconds[verb.name] = digest(out), ended.seconds

    def undisturbed(self, verb: Verb) -> Path:
        """The undisturbed output, as deep as the disturbed ones: a page has relative links."""
        return verb.out(self.folder / "whole" / "none" / verb.name.replace(" ", "-"))

    def finish(self, verb: Verb, out: Path) -> None:
        """Type the same command again, and compare with the undisturbed output."""
        ended = self.run(verb, out)
        if ended.code:
            raise Wrong(f"the same command does not go on (code {ended.code}): {ended.said[-400:]}")
        self.compare(verb, out)

    def compare(self, verb: Verb, out: Path) -> None:
        """Compare an output with the undisturbed one."""
        whole, found = self.whole[verb.name], digest(out)
        if found != whole:
            differing = sorted(
                name for name in whole.keys() | found.keys() if whole.get(name) != found.get(name)
            )
            raise Wrong(f"differs from the undisturbed output in {', '.join(differing[:3])}")

    def luck(self, *names: object) -> float:
        """A number from 0 to 1 that is the same in every run of the benchmark."""
        return float(rng_of(self.seed, "faults", *map(str, names)).random())


def said(ended: Ended, code: int | Sequence[int], *parts: str) -> str:
    """Check that a process ended as it should, with a sentence and no traceback; give the sentence."""
    codes = [code] if isinstance(code, int) else list(code)
    lines = [line for line in ended.said.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if ended.code not in codes:
        raise Wrong(f"ended with code {ended.code} instead of {codes}: {last[-300:]}")
    if not ended.quiet:
        raise Wrong(f"showed a traceback: {last[-300:]}")
    flat = " ".join(ended.said.split())
    if parts and not any(part in flat for part in parts):
        raise Wrong(f"said nothing of {' or '.join(parts)}: {last[-300:]}")
    return last


def make_world(folder: Path, *, rows: int = 48, steps: int = 10) -> World:
    """Make the pool, the test, the samples and the recipe."""
    world = World(folder)
    folder.mkdir(parents=True, exist_ok=True)
    make_pool(0, rows, max_steps=2).without_labels().write(world.pool)
    made = problems(12)
    rows_of = [{"question": one.question, "answer": f"{one.solution}"} for one in made]
    world.test.write_text("".join(json.dumps(row) + "\n" for row in rows_of))
    asked = [{**row, "group": ("correct", "incorrect")[n % 2]} for n, row in enumerate(rows_of)]
    world.queries.write_text("".join(json.dumps(row) + "\n" for row in asked))
    given = pool_of(made)
    given.without_labels().write(folder / "given")
    make_store(folder / "samples", given, made, "a-model", 6)
    world.recipe.write_text(RECIPE.replace("STEPS", str(steps)))
    return world


@contextmanager
def served(bench: Bench, *first: str, then: str = "good") -> Iterator[None]:
    """Let a server answer: in these moods first, in that one afterwards."""
    told = json.dumps({"first": list(first), "then": then})
    process = subprocess.Popen([sys.executable, str(SERVER), told], stdout=subprocess.PIPE, text=True)
    before = bench.world
    try:
        assert process.stdout is not None
        bench.world = before.at(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        yield
    finally:
        bench.world = before
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def chosen(names: Sequence[str]) -> list[Verb]:
    """Find verbs by name."""
    return [verb for verb in VERBS if not names or verb.name in names]
