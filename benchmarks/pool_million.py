"""Read a million GSM8K-sized rows, hash them and write them as Parquet; beside it, bare pyarrow.

Makes its own input. Each measurement runs in a process of its own, so that peak memory is its own:

    python benchmarks/pool_million.py [--rows 1000000] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PIECES = 4096
SEED = 20250101


def make_input(path: Path, rows: int) -> None:
    """Write rows of GSM8K's mean length (235 characters of question, 295 of answer) and its marks."""
    rng = np.random.default_rng(SEED)
    names = ["Natalia", "Weng", "Betty", "Julie", "James", "Albert", "Ken", "Tina"]
    questions, answers = [], []
    for _ in range(PIECES):
        a, b, c = (int(number) for number in rng.integers(2, 500, 3))
        who, other = rng.choice(names, 2, replace=False)
        questions.append(
            f"{who} sold clips to {a} of her friends in April, and then she gave {b} boxes with stickers "
            f"to {other}, who already had {c} of them at home. How many things did they have altogether after"
        )
        answers.append(
            f"{who} sold {a}*{b} = <<{a}*{b}={a * b}>>{a * b} clips in the first month of the year.\n"
            f"After that {other} took {c} of them, which leaves {a * b}-{c} = "
            f"<<{a * b}-{c}={a * b - c}>>{a * b - c} for all of their friends.\n"
            f"Altogether, they therefore counted {a * b - c} pieces in these two months of spring, "
            f"as can be seen from the first line.\n#### {a * b - c}"
        )
    with path.open("w", encoding="utf-8") as handle:
        for number in range(rows):
            piece = number % PIECES
            row = {"question": f"{questions[piece]} {number} days?", "answer": answers[piece]}
            handle.write(json.dumps(row) + "\n")


def run_cotmill(path: Path, out: Path) -> int:
    """Read into a Pool: detect, hash, find gold answers, write."""
    from cotmill.data import read_pool

    return len(read_pool(path, out=out))


def run_bare(path: Path, out: Path) -> int:
    """Read the JSON whole and write it: no ids, no checks, no bounds on memory."""
    import pyarrow.json
    import pyarrow.parquet

    table = pyarrow.json.read_json(path)
    pyarrow.parquet.write_table(table, out, compression="zstd")
    return len(table)


RUNS = {"cotmill read_pool": run_cotmill, "bare pyarrow": run_bare}


def measure(name: str, path: Path, out: Path) -> None:
    """Run one of them here and print what it took."""
    start = time.perf_counter()
    rows = RUNS[name](path, out)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": time.process_time(), "peak_mb": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="folder for the files; a temporary one otherwise")
    parser.add_argument("--one", nargs=3, metavar=("NAME", "IN", "OUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one[0], Path(given.one[1]), Path(given.one[2]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"rows-{given.rows}.jsonl"
        if not path.exists():
            make_input(path, given.rows)
        print(f"{given.rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB of JSON Lines")
        results = {}
        for name in RUNS:
            out = folder / name.replace(" ", "-")
            command = [sys.executable, __file__, "--one", name, str(path), str(out)]
            results[name] = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout
            )
        print(f"{'':20} {'rows/s':>10} {'rows/CPU s':>11} {'seconds':>9} {'peak RSS MB':>12}")
        for name, got in results.items():
            rates = f"{got['rows'] / got['seconds']:10,.0f} {got['rows'] / got['cpu_seconds']:11,.0f}"
            print(f"{name:20} {rates} {got['seconds']:9.1f} {got['peak_mb']:12,.0f}")
        ours, bare = results["cotmill read_pool"], results["bare pyarrow"]
        wall, cpu = (ours[kind] / bare[kind] for kind in ("seconds", "cpu_seconds"))
        print(f"ratio of time to bare pyarrow: {wall:.1f}; of CPU: {cpu:.1f}")
        print(f"peak below 1 GB: {'yes' if ours['peak_mb'] < 1000 else 'NO'}")


if __name__ == "__main__":
    main()
