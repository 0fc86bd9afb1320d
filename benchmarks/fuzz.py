"""Mutated input for every reader: a result or a sentence, never a traceback, and nothing else happens.

    python benchmarks/fuzz.py [--lines 100000] [--only jsonl recipe …] [--again]

Every target gets so many mutated lines (files of 500 lines; a recipe, an answer or a text is one line). An
audit hook of the interpreter watches what is done meanwhile: no connection, no process, no unpickling, no
file opened for writing outside the scratch folder. Exit code 1 when anything was found.

docs/fuzz.json remembers what is done, part by part: a run that was stopped goes on where it was, and lines
that are asked for beyond are added. A target in which something was found begins anew.
docs/reliability.md (`python benchmarks/faults.py --page`) shows it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.core.checked import read_table, write_table
from cotmill.core.errors import UserError
from cotmill.core.files import write_json
from cotmill.core.ids import rng_of
from cotmill.core.provenance import provenance
from cotmill.data import read_pool
from cotmill.data.types import Example
from cotmill.evidence import Evidence
from cotmill.recipe.load import recipe_of_text
from cotmill.report.text import visible
from cotmill.verify import Verifier, judge_answer
from cotmill.verify.equations import check_equations

FIGURES = Path(__file__).parents[1] / "docs" / "fuzz.json"
PER_FILE = 500
SLOW = 1.0
"""Seconds a line, on average over a file, after which its slowness counts as a finding."""
BITS = (
    b"\x00", b"\xff", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b"\r\n", b'"', b"\\", b"{", b"}", b"[", b",",
    b"\x1b[2J", b"1e999999", b"-0", b"NaN", b"../../x", b"<script>", b"<<9**9**9=1>>", b"\\boxed{", b"#### ",
    b"\xed\xa0\x80", b"!!python/object/apply:os.system", b"&a *a", b"\t", b"9" * 400, b"((((((((",
    b"\xc2\xa0", b"\\frac{1}{0}",
)  # fmt: skip
ROWS = [
    {"question": "Ann has 3 apples and buys 4. How many?", "answer": "3+4 = <<3+4=7>>7\n#### 7", "id": 1},
    {"question": "Half of 10?", "answer": "It is \\boxed{5}.", "source": "b", "level": "Level 2"},
    {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]},
]
RECIPE = """\
name: mine
about: words
seeds: [0, 1]
data: {train: {lab: {rows: 20}}}
model: lab:llama-0.25m
train: {steps: 3, learning_rate: 1e-3}
arms:
  all: {}
  half: {select: {method: random, budget: 50%}}
compare_to: all
"""
ANSWERS = [
    "#### 1,234.50", "\\boxed{\\frac{3}{4}}", "The answer is x^2+2x+1.", "10 miles", "(1, 2]", "3:45 pm",
    "√2/2",
]  # fmt: skip


def mutated(text: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes: flipped, cut out, doubled, or something nasty put in."""
    line = bytearray(text)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(line) + 1))
        kind = int(rng.integers(5))
        if kind == 0 and line:
            line[place % len(line)] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del line[place : place + int(rng.integers(1, 12))]
        elif kind == 2:
            line[place:place] = line[place : place + int(rng.integers(1, 30))]
        else:
            line[place:place] = BITS[int(rng.integers(len(BITS)))]
    return bytes(line)


class Watch:
    """Remembers forbidden events of the interpreter while it is on."""

    FORBIDDEN = (
        "socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn",
        "pickle.find_class",
    )  # fmt: skip

    def __init__(self, scratch: Path) -> None:
        """Begin to listen; a hook cannot be taken away again."""
        self.scratch, self.on, self.found = str(scratch), False, set[str]()
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Hear of an event."""
        if not self.on:
            return
        if event in self.FORBIDDEN:
            self.found.add(f"{event} {args[:1]!r}"[:200])
        if event == "open" and isinstance(args[1], str) and set("wax+") & set(args[1]):
            path = str(args[0])
            if not path.startswith((self.scratch, tempfile.gettempdir())) and not isinstance(args[0], int):
                self.found.add(f"wrote {path}")


def jsonl(lines: list[bytes], folder: Path) -> None:
    _read(folder / "x.jsonl", b"\n".join(lines))


def document(lines: list[bytes], folder: Path) -> None:
    _read(folder / "x.json", b"[" + b",\n".join(lines) + b"]")


def csv(lines: list[bytes], folder: Path) -> None:
    _read(folder / "x.csv", b"question,answer\n" + b"\n".join(lines))


def packed(lines: list[bytes], folder: Path) -> None:
    whole = gzip.compress(b"\n".join(lines), 1)
    _read(folder / "x.jsonl.gz", mutated(whole, rng_of(len(whole), "packed")))


def parquet(lines: list[bytes], folder: Path) -> None:
    """Bytes of one file, changed as often as there are lines; a twentieth of them is read by each reader."""
    path, sound = folder / "x.parquet", folder / "sound.parquet"
    if not sound.exists():
        numbers = range(50)
        questions, ids = [f"How many are {n}?" for n in numbers], [f"{n:032x}" for n in numbers]
        table = pa.table({"question": questions, "answer": ["#### 1"] * len(ids), "row_id": ids})
        write_table(table, sound)
        pq.write_table(table, folder / "plain.parquet")
    for number, line in enumerate(lines):
        whole = (folder / ("plain.parquet" if number % 2 else "sound.parquet")).read_bytes()
        rng = rng_of(number, "parquet", line.hex())
        path.unlink(missing_ok=True)
        path.write_bytes(mutated(whole, rng))
        readers: tuple[Callable[[Path], object], ...] = (read_pool, read_table, Evidence.read)
        _bear(readers[number % 3], path)


def evidence(lines: list[bytes], folder: Path) -> None:
    """Provenance of evidence files: JSON inside Parquet."""
    for line in lines:
        table = pa.table({"row_id": ["a"], "loss_sum": [1.0], "tokens": [1], "truncated": [False]})
        path = folder / "evidence.parquet"
        path.unlink(missing_ok=True)
        pq.write_table(table.replace_schema_metadata({b"cotmill": line}), path)
        _bear(Evidence.read, path)


def recipe(lines: list[bytes], folder: Path) -> None:
    del folder
    for line in lines:
        _bear(recipe_of_text, line.decode("utf-8", "replace"))


def setting(lines: list[bytes], folder: Path) -> None:
    """What `--set` is given."""
    del folder
    for line in lines:
        _bear(recipe_of_text, RECIPE, [line.decode("utf-8", "replace")])


def answers(lines: list[bytes], folder: Path) -> None:
    del folder
    texts = [line.decode("utf-8", "replace") for line in lines]
    for gold, text in zip(texts, reversed(texts), strict=True):
        judge_answer(gold, text)


def equations(lines: list[bytes], folder: Path) -> None:
    del folder
    for line in lines:
        check_equations(line.decode("utf-8", "replace"))


def grounding(lines: list[bytes], folder: Path) -> None:
    del folder
    for line in lines:
        text = line.decode("utf-8", "replace")
        GRADER(Example(text, "7"), text)


def page(lines: list[bytes], folder: Path) -> None:
    """Text as the report shows it: no mark-up, no control character, no change of direction."""
    del folder
    for line in lines:
        shown = str(visible(line.decode("utf-8", "replace")))
        if any(char in shown for char in "\x00\x1b\u202e\u2066"):
            raise AssertionError(f"shown as it is: {line!r}")


GRADER = Verifier()
ROW_LINES = [json.dumps(row).encode() for row in ROWS]
TEXTS = [text.encode() for text in ANSWERS]
TARGETS: dict[str, tuple[Callable[[list[bytes], Path], None], list[bytes]]] = {
    "jsonl": (jsonl, ROW_LINES),
    "json": (document, ROW_LINES),
    "csv": (csv, [b'"How many, he asked?","3+4=7\n#### 7"', b"a,b", b"1,#### 2"]),
    "gzip": (packed, ROW_LINES),
    "parquet": (parquet, [b"line"]),
    "evidence": (evidence, [b'{"kind":"losses","pool_fingerprint":"a","model_fingerprint":"b","about":{}}']),
    "recipe": (recipe, [RECIPE.encode()]),
    "setting": (setting, [b"train.steps=5", b"arms.half.select.budget=11%", b"seeds=[1, 2]"]),
    "answers": (answers, TEXTS),
    "equations": (equations, [b"3+4 = <<3+4=7>>7, so 7*2=14 and 14/3=4.67", b"\\frac{1}{2}+\\frac12=1"]),
    "grounding": (grounding, [b"Ann has 3 apples and buys 4: 3+4=7 #### 7"]),
    "page": (page, TEXTS),
}


def _read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for form in ("auto", "gsm8k"):
        _bear(read_pool, path, form=form)


def _bear(function: Callable[..., object], *args: Any, **named: Any) -> None:
    """Call; an error in words is a good end."""
    try:
        function(*args, **named)
    except UserError as error:
        if not str(error):
            raise AssertionError("an error without words") from error


def fuzz(name: str, lines: int, folder: Path, seed: int = 0, *, first: int = 0) -> list[str]:
    """Mutate lines for one target, from a line on; give what was found."""
    target, seeds = TARGETS[name]
    found = []
    for start in range(first, lines, PER_FILE):
        rng, size = rng_of(seed, "fuzz", name, str(start)), min(PER_FILE, lines - start)
        batch = [mutated(seeds[int(rng.integers(len(seeds)))], rng) for _ in range(size)]
        began = time.monotonic()
        try:
            target(batch, folder)
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            found.append(f"lines {start} to {start + size}: {traceback.format_exc(limit=-3)}")
        if time.monotonic() - began > SLOW * len(batch):
            found.append(f"{len(batch)} lines took {time.monotonic() - began:.0f} s")
    return found


def figures() -> dict[str, Any]:
    """Read what is known of each target."""
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}


def go_on(name: str, told: argparse.Namespace, folder: Path, watch: Watch) -> dict[str, Any]:
    """Fuzz one target from where it was left; remember every part."""
    known = figures().get(name, {})
    if told.again or known.get("found") or known.get("seed") != told.seed:
        known = {"lines": 0, "seconds": 0.0}
    while known["lines"] < told.lines:
        began, upto = time.monotonic(), min(known["lines"] + told.part, told.lines)
        with watched(watch, name) as seen:
            found = fuzz(name, upto, folder, told.seed, first=known["lines"])
        known = {
            "lines": upto,
            "seconds": round(known["seconds"] + time.monotonic() - began, 1),
            "found": [*known.get("found", []), *dict.fromkeys([*found, *seen])][:5],
            "seed": told.seed,
            "commit": provenance()["commit"],
        }
        write_json(FIGURES, {**figures(), name: known})
    return known


@contextmanager
def watched(watch: Watch, name: str) -> Iterator[list[str]]:
    """Listen while a target is fuzzed; what was heard is in the list afterwards."""
    heard: list[str] = []
    watch.on = name not in ("answers", "grounding")  # those start workers of their own on purpose
    try:
        yield heard
    finally:
        watch.on = False
        heard += sorted(watch.found)
        watch.found.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=2_000, help="of every target; 100000 for the evidence")
    parser.add_argument("--only", nargs="*", default=list(TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", type=int, default=2_000, help="lines between two writings of the figures")
    parser.add_argument("--again", action="store_true", help="begin anew")
    told = parser.parse_args()
    warnings.simplefilter("ignore")
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        watch = Watch(Path(scratch))
        GRADER(Example("", r"\arcsin(x)"), r"\boxed{\arccos(x)}")  # its worker processes start here
        for name in told.only:
            known = go_on(name, told, Path(scratch), watch)
            bad += bool(known["found"])
            mark = "BAD" if known["found"] else "ok "
            print(f"{mark} {name:10s} {known['lines']:,} lines, {known['seconds']:.1f} s")
            for one in known["found"]:
                print("    " + one.replace("\n", "\n    "))
            sys.stdout.flush()
    GRADER.close()
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
