"""The verbs that `faults.py` disturbs: how each is called, and what its undisturbed output is.

Every verb works on the same small world (a pool of the lab, its smallest model), made once per run of the
benchmark. `digest` hashes all that an output holds but times and logs; two outputs are equal when theirs are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cotmill.core.files import sha256_of
from cotmill.core.runs import UNEQUAL

MODEL = "lab:llama-0.25m"
UNTOLD = (*UNEQUAL, "store.json")
"""Names that do not count; a store's record counts through the files that it names."""
RECIPE = """\
name: tiny
about: The quickstart in small.
seeds: [0]
data: {train: {lab: {rows: 48, defects: 0.3, max_steps: 2}}}
model: lab:llama-0.25m
train: {steps: STEPS, batch_size: 8}
evaluate: {tests: {distractors: {lab: {set: distractors, rows: 6}}}, max_new_tokens: 12}
arms:
  all rows: {}
  random: {select: {method: random, budget: 50%}}
compare_to: all rows
"""


@dataclass(frozen=True)
class World:
    """What the verbs work on."""

    folder: Path
    server: str = ""

    @property
    def pool(self) -> Path:
        """A pool of the lab."""
        return self.folder / "pool"

    @property
    def test(self) -> Path:
        """Questions to ask."""
        return self.folder / "test.jsonl"

    @property
    def queries(self) -> Path:
        """Queries of two groups."""
        return self.folder / "queries.jsonl"

    @property
    def recipe(self) -> Path:
        """The recipe that stands for the quickstart."""
        return self.folder / "tiny.yaml"

    def at(self, server: str) -> World:
        """Give the same world with a server in it."""
        return World(self.folder, server)


@dataclass(frozen=True)
class Verb:
    """One verb: its words, the words with another setting, and what it is like."""

    name: str
    words: Callable[[World, Path], list[str]]
    changed: Callable[[World, Path], list[str]]
    model: bool = False
    """Whether it computes with a model, so that its memory depends on a batch."""
    shared: bool = False
    """Whether several processes may write to one output."""
    server: bool = False
    file: str = ""
    """The ending of its output where that is one file."""
    grows: str = ""
    """A file in its output that other settings add to, since nothing in it is ever thrown away."""
    kills: float = 1.0
    """Share of the kills that it gets, against the others."""

    def out(self, folder: Path) -> Path:
        """Name the output in a folder."""
        return folder / f"out{self.file}"


def _plus(words: Callable[[World, Path], list[str]], *more: str) -> Callable[[World, Path], list[str]]:
    return lambda world, out: [*words(world, out), *more]


def _verb(name: str, words: Callable[[World, Path], list[str]], *change: str, **about: object) -> Verb:
    return Verb(name, words, _plus(words, *change), **about)  # type: ignore[arg-type]


def _sample(*more: str) -> Callable[[World, Path], list[str]]:
    fixed = ["--k", "4", "--max-new-tokens", "16", "--save-every", "8", "--no-count", *more]
    return lambda world, out: [
        "sample",
        "--data",
        str(world.pool),
        "--out",
        str(out),
        "--limit",
        "12",
        *fixed,
    ]


def _served(world: World, out: Path) -> list[str]:
    quick = ["--timeout", "3", "--patience", "6", "--concurrency", "2"]
    return [*_sample("--model", "served", "--engine", "openai", *quick)(world, out), "--url", world.server]


def _recipe(world: World, out: Path) -> list[str]:
    return ["run", str(world.recipe), "--out", str(out), "--no-report", "--workers", "1"]


def _graded(world: World, out: Path) -> list[str]:
    fields = ["--text", "answer", "--gold", "answer", "--question", "question"]
    return ["grade", str(world.test), *fields, "--out", str(out)]


def _influence(world: World, out: Path) -> list[str]:
    cheap = ["--curvature", "diagonal", "--pairs", "0", "--threads", "1"]
    told = ["--model", MODEL, "--data", str(world.pool), "--queries", str(world.queries)]
    return ["measure", "influence", *told, *cheap, "--out", str(out)]


VERBS = (
    _verb(
        "check",
        lambda w, out: ["check", str(w.test), "--out", str(out)],
        "--columns",
        "question=question,answer=answer",
    ),
    _verb(
        "export", lambda w, out: ["export", str(w.pool), "--to", "trl", "--out", str(out)], "--name", "other"
    ),
    _verb("verify", lambda w, out: ["verify", str(w.pool), "--out", str(out)], "--strict-rule", "math"),
    _verb(
        "select",
        lambda w, out: ["select", "random", "--data", str(w.pool), "--budget", "50%", "--out", str(out)],
        "--seed",
        "7",
    ),
    _verb("sample (a server)", _served, "--seed", "7", server=True, shared=True),
    _verb(
        "sample",
        _sample("--model", MODEL, "--batch-size", "8", "--threads", "1"),
        "--seed",
        "7",
        model=True,
        shared=True,
    ),
    _verb(
        "augment rft",
        lambda w, out: [
            "augment",
            "rft",
            "--samples",
            str(w.folder / "samples"),
            "--data",
            str(w.folder / "given"),
            "--out",
            str(out),
        ],
        "--key",
        "paper",
    ),
    _verb(
        "measure losses",
        lambda w, out: ["measure", "losses", MODEL, str(w.pool), "--out", str(out), "--threads", "1"],
        "--max-length",
        "40",
        model=True,
        file=".parquet",
    ),
    _verb(
        "measure trajectories",
        lambda w, out: [
            "measure",
            "trajectories",
            f"1={MODEL}@random",
            f"2={MODEL}",
            "--data",
            str(w.pool),
            "--out",
            str(out),
            "--threads",
            "1",
        ],
        "--max-length",
        "40",
        model=True,
        file=".parquet",
    ),
    _verb(
        "measure forward",
        lambda w, out: ["measure", "forward", MODEL, str(w.pool), "--out", str(out), "--threads", "1"],
        "--max-length",
        "40",
        model=True,
    ),
    _verb("measure influence", _influence, "--damping", "0.2", model=True, file=".parquet"),
    _verb(
        "train",
        lambda w, out: [
            "train",
            MODEL,
            str(w.pool),
            "--out",
            str(out),
            "--steps",
            "10",
            "--batch-size",
            "8",
            "--checkpoint-every",
            "3",
            "--threads",
            "1",
        ],
        "--seed",
        "7",
        model=True,
    ),
    _verb(
        "evaluate",
        lambda w, out: [
            "evaluate",
            "--benchmark",
            str(w.test),
            "--model",
            MODEL,
            "--out",
            str(out),
            "--max-new-tokens",
            "16",
            "--batch-size",
            "4",
            "--threads",
            "1",
        ],
        "--max-new-tokens",
        "8",
        model=True,
        grows="outputs.jsonl",
    ),
    _verb("grade", _graded, "--strict-rule", "math"),
    _verb(
        "report",
        lambda w, out: ["report", str(w.folder / "run"), "--out", str(out)],
        file=".html",
    ),
    Verb(
        "run",
        _recipe,
        lambda w, out: [*_recipe(w, out), "--set", "evaluate.max_new_tokens=8"],
        model=True,
        kills=0.25,
    ),
)


def digest(out: Path) -> dict[str, str]:
    """Hash the files of an output, and of what lies beside it under its name."""
    if out.is_file():
        beside = out.with_name(f"{out.stem}_files")
        return {out.name: sha256_of(out), **{f"{beside.name}/{k}": v for k, v in digest(beside).items()}}
    files = {path.relative_to(out): path for path in sorted(out.rglob("*")) if path.is_file()}
    return {
        name.as_posix(): sha256_of(path)
        for name, path in files.items()
        if not set(name.parts) & set(UNTOLD) and not name.name.startswith(".")
    }
