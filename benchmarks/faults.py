"""Every fault in every verb: nothing lost, nothing doubled, the result equal to an undisturbed run.

    python benchmarks/faults.py [--kills 200] [--verbs verify select …] [--faults kill "full disk" …]
    python benchmarks/faults.py --page          only write docs/reliability.md anew from its figures

Writes docs/reliability.json as it goes (cells of earlier runs are kept unless they are made again) and
docs/reliability.md from it. As root it mounts small file systems; else it says what it does instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from fault_bench import Bench, Cell, chosen, make_world
from fault_cases import FAULTS, disturb
from fault_process import Forked
from fault_verbs import VERBS

from cotmill.core.files import write_json, write_text
from cotmill.core.provenance import provenance

DOCS = Path(__file__).parents[1] / "docs"
FIGURES, PAGE = DOCS / "reliability.json", DOCS / "reliability.md"
FUZZ = DOCS / "fuzz.json"
KILL = "kill -9"
INTRO = """\
# Reliability

What becomes of a job when something goes wrong. Every cell is a test that really disturbed the verb,
typed the same command again, and compared the output with an undisturbed one: **nothing lost, nothing
doubled, equal byte for byte** but for times and logs. The table is made by `python benchmarks/faults.py
--kills 200`; a short form is in the suite (`tests/recipe/test_faults.py`). "run" is the quickstart in
small: data, selection, training, evaluation, two arms.
"""
MUTATED = """\
## Mutated input

Every reader, the recipe loader, the graders and the text of the report are given lines with bits flipped,
parts cut out or doubled, and nasty things put in (`python benchmarks/fuzz.py --lines 100000`). "Found" is a
traceback, more than a second a line, a connection, a process, or a file written elsewhere.
"""
MEANING = """\
## How it is done

- **Whole or not there.** A file is written under another name, flushed, then renamed; a folder likewise.
  So a kill leaves nothing half-written under a real name, and the same command finds what is whole and
  makes the rest.
- **Hashes.** Every Parquet file carries the SHA-256 of itself in its footer (`cotmill.sha256`), every
  JSON record in its entry `sha256`, every batch of outputs in its closing line; trained models and steps
  have a list of theirs. Damage is said with the file's name. What can be made again at once is; else the
  message says what to remove.
- **Signals.** SIGINT and SIGTERM end a verb with exit code 130 and a sentence. A training first saves the
  step it is in. A second signal ends it at once.
- **Locks.** A verb holds its output by a lock of the kernel (`.NAME.lock` beside it, gone with its
  holder); the second process is refused and told who is first. Stores of samples are made for several
  writers and have a lock of their own.
- **A machine at its end.** A full disk, a read-only folder, no memory: a sentence and exit code 2.
  Batches of measuring, sampling and evaluating are halved first; that may move the last digits of a loss,
  and there the table compares up to rounding. A training does not halve by itself, since its last digits
  would grow into another model: it says which `--accumulate` to try.
- **Layouts.** Records carry the version of their layout. Older ones are read; newer ones are refused.
- **Before a job.** Estimated memory and disk are compared with what is free; what cannot fit is refused
  with the figures (`cotmill --anyway` overrides it). `cotmill doctor` looks at the machine and at a
  model.

## What is not covered

- Power loss is covered as far as the disk keeps what it said was flushed; it was not tried.
- Locks of the kernel hold on one machine, and on network file systems that support them (NFSv4 does).
- Two damages at once that hide each other, or somebody who changes a file together with its hash.
- Files of 256 MB and more are checked by the checksums of their pages when they are read, not by their
  hash.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=22, help="of all verbs together")
    parser.add_argument("--verbs", nargs="*", default=[], help=", ".join(verb.name for verb in VERBS))
    parser.add_argument("--faults", nargs="*", default=[], help=", ".join([KILL, *FAULTS]))
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    told = parser.parse_args()
    if not told.page:
        with tempfile.TemporaryDirectory() as scratch:
            disturb_all(told, told.keep or Path(scratch))
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    fuzzed = json.loads(FUZZ.read_text(encoding="utf-8")) if FUZZ.exists() else {}
    write_text(PAGE, page(figures, fuzzed))
    bad = [cell for cell in figures["cells"] if not cell["good"]]
    print(f"{len(figures['cells'])} cells, {len(bad)} bad; {PAGE}")
    raise SystemExit(bool(bad))


def disturb_all(told: argparse.Namespace, folder: Path) -> None:
    """Make the faults that are asked for, and write each down."""
    verbs, faults = chosen(told.verbs), told.faults or [KILL, *FAULTS]
    share = told.kills / sum(verb.kills for verb in verbs)
    light = not any(verb.model or verb.server or verb.name == "report" for verb in verbs)
    with Forked(light=light) as forked:
        bench = Bench(folder, forked, make_world(folder / "world"))
        if any(verb.name == "report" for verb in verbs):
            run = next(verb for verb in VERBS if verb.name == "run")
            forked.run(run.words(bench.world, folder / "world" / "run"), folder / "logs" / "run.log")
        for verb in verbs:
            for name in faults:
                began = time.monotonic()
                cell = disturb(
                    bench, name, verb, kills=max(1, round(share * verb.kills)) if name == KILL else 0
                )
                remember(cell)
                mark = "ok " if cell.good else "BAD"
                print(f"{mark} {verb.name:18s} {name:18s} {time.monotonic() - began:6.1f} s  {cell.outcome}")
                sys.stdout.flush()


def remember(cell: Cell) -> None:
    """Put a cell in the place of the one that was there."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {"cells": []}
    others = [one for one in figures["cells"] if (one["fault"], one["verb"]) != (cell.fault, cell.verb)]
    told = provenance()
    made_with = {name: told[name] for name in ("cotmill", "commit", "python", "platform")}
    write_json(FIGURES, {"cells": [*others, {**asdict(cell), "made_with": made_with}]})


def page(figures: Mapping[str, Any], fuzzed: Mapping[str, Any] | None = None) -> str:
    """Write the page: one table of verbs by faults for each group of faults, and what was fuzzed."""
    cells = {(one["fault"], one["verb"]): one for one in figures["cells"]}
    parts = [INTRO]
    names = [verb.name for verb in VERBS]
    done = sum(one["times"] for key, one in cells.items() if key[0] == KILL)
    empty = [(fault, verb) for fault in (KILL, *FAULTS) for verb in names if (fault, verb) not in cells]
    bad = [one for one in cells.values() if not one["good"]]
    parts.append(
        f"{len(cells)} cells, {len(bad)} of them not borne, {len(empty)} not tried yet; {done} kills.\n"
    )
    for fault in (KILL, *FAULTS):
        rows = [f"## {fault[0].upper() + fault[1:]}\n", "| verb | outcome |", "|---|---|"]
        rows += [f"| {name} | {_shown(cells.get((fault, name)))} |" for name in names]
        parts.append("\n".join(rows) + "\n")
    return "\n".join([*parts, _fuzzed(fuzzed or {}), MEANING])


def _fuzzed(figures: Mapping[str, Any]) -> str:
    """Write the table of mutated lines."""
    rows = []
    for name, one in figures.items():
        told = "; ".join(text.strip().splitlines()[-1].replace("|", "\\|") for text in one["found"])
        rows.append(f"| {name} | {one['lines']:,} | {told or 'nothing'} |")
    return "\n".join([MUTATED, "| target | lines | found |", "|---|---:|---|", *rows]) + "\n"


def _shown(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "**not tried yet**"
    text = str(cell["outcome"]).replace("|", "\\|").replace("\n", " ")
    return text if cell["good"] else f"**not borne**: {text}"


if __name__ == "__main__":
    main()
