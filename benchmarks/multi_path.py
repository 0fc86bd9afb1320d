"""Distinct reasoning paths in real samples: 13 answers each of two models, and one human, to 660 questions.

    python benchmarks/multi_path.py [--data ../shared/data] [--out FOLDER] [--workers 2]

Reads gsm8k-multi-path (GSM8K-AI-SubQ, Apache-2.0) and the human solutions of gsm8k, puts them into stores
of samples, and runs `cotmill augment rft` on them: once with nothing given, so that the human is a writer
like the others, and once beside the human solutions. A model that ran on into problems of its own is cut
off after its first "Final answer". Prints Markdown; with --out all tables and decisions stay there.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cotmill.augment.config import RftConfig
from cotmill.augment.keys import KEYS
from cotmill.augment.rft import make_rft
from cotmill.augment.samples import Sample
from cotmill.augment.store import SampleStore
from cotmill.core.ids import seed_of
from cotmill.data.pool import Pool
from cotmill.execute.executor import Execution

WRITERS = ("chatgpt", "mistral")
END = "Final answer:"


def bare_of(question: str) -> str:
    """A question without its spaces, of which the two sets differ in a few."""
    return "".join(question.split())


def human_rows(folder: Path) -> list[dict[str, str]]:
    lines = (folder / "gsm8k" / "test.first660.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def answers_of(folder: Path, writer: str) -> list[list[dict[str, Any]]]:
    """The rows of every file of one writer."""
    paths = sorted((folder / "gsm8k-multi-path").glob(f"{writer}.*.jsonl.gz"))
    files = []
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as handle:
            files.append([json.loads(line) for line in handle])
    return files


def first_answer(text: str) -> str:
    """End a text with the line of its first final answer."""
    start = text.find(END)
    if start < 0:
        return text.strip()
    end = text.find("\n", start)
    return text[: end if end >= 0 else len(text)].strip()


def fill(folder: Path, writer: str, texts: dict[str, list[str]]) -> SampleStore:
    """Write a store of one writer: question id to its texts."""
    store = SampleStore.open(folder)
    settings = store.add_settings({"writer": writer})
    store.add(
        Sample(
            example,
            writer,
            writer,
            "",
            settings,
            n,
            seed_of(0, example, n),
            text,
            len(text.split()),
            0,
            "stop",
            0,
        )
        for example, found in texts.items()
        for n, text in enumerate(found)
    )
    store.finish()
    return store


def stores_of(
    data: Path, out: Path, humans: list[dict[str, str]], ids: dict[str, str]
) -> dict[str, SampleStore]:
    stores = {
        "human": fill(
            out / "human", "human", {ids[bare_of(row["question"])]: [row["answer"]] for row in humans}
        )
    }
    for writer in WRITERS:
        texts: dict[str, list[str]] = {}
        for file in answers_of(data, writer):
            for row in file:
                texts.setdefault(ids[bare_of(row["problem"])], []).append(first_answer(row["answers"]))
        stores[writer] = fill(out / writer, writer, texts)
    return stores


def table(header: list[str], rows: list[list[Any]]) -> None:
    print("\n| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(f"{one:.2f}" if isinstance(one, float) else str(one) for one in row) + " |")


def share(row: dict[str, Any]) -> str:
    return f"{row['share']:.1%} ({row['low']:.1%} to {row['high']:.1%})"


def writers_table(out: Path, counts: dict[str, Any]) -> None:
    """Paths of each writer."""
    questions = pq.read_table(out / "questions.parquet").to_pylist()
    decisions = [
        row
        for path in sorted(out.glob("shards/*/samples.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    sums: dict[str, Counter[str]] = {}
    for row in questions:
        sums.setdefault(row["writer"], Counter()).update(
            {name: row[name] for name in ("samples", "right", "accepted")}
        )
    for row in decisions:
        accepted = row["because"] == "kept" or "path" in row["because"]
        sums[row["writer"]]["unread"] += accepted and not row["path"]
        sums[row["writer"]]["partly"] += accepted and bool(row["unchecked"])
    of = len({row["example_id"] for row in questions})
    rows = []
    for found in counts["shares"]:
        one = sums[found["writer"]]
        rows.append([
            found["writer"], one["samples"], one["right"], one["accepted"], found["paths"] / of, share(found),
            one["partly"], one["unread"],
        ])  # fmt: skip
    header = ["writer", "traces", "right answer", "accepted", "distinct paths per question"]
    header += ["exclusive share", "accepted with an unchecked equation", "accepted without a readable one"]
    table(header, rows)


def curve_table(out: Path) -> None:
    rows = [
        row for row in pq.read_table(out / "yield_curves.parquet").to_pylist() if row["paths"] == "distinct"
    ]
    table(
        ["writer", "traces per question", "distinct paths per question"],
        [
            [row["writer"], row["samples"], f"{row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f})"]
            for row in rows
        ],
    )


def keys_table(stores: dict[str, SampleStore], pool: Pool, out: Path) -> None:
    """Paths that each key tells apart, and the modes of the paper beside ours."""
    rows = []
    for name, config in {
        **{f"key {key}": RftConfig(key=key) for key in KEYS},
        "mode paper": RftConfig(mode="paper"),
        "mode repo": RftConfig(mode="repo"),
    }.items():
        counts = make_rft([stores[w] for w in WRITERS], pool, out / name.replace(" ", "-"), config).counts
        became = counts["became"]
        rows.append(
            [
                name,
                sum(n for why, n in became.items() if why == "kept" or "path" in why),
                became.get("kept", 0),
            ]
        )
    table(["beside the human solutions", "accepted", "new rows"], rows)


def run(data: Path, out: Path, workers: int) -> None:
    humans = human_rows(data)
    bare = Pool.from_rows(
        {"question": row["question"], "gold": row["answer"].rpartition("#### ")[2]} for row in humans
    )
    given = Pool.from_rows(
        {"question": row["question"], "gold": row["answer"].rpartition("#### ")[2], "trace": row["answer"]}
        for row in humans
    )
    questions, examples = (bare.column(name).to_pylist() for name in ("question", "example_id"))
    ids = dict(zip(map(bare_of, questions), examples, strict=True))
    stores = stores_of(data, out, humans, ids)
    started = time.perf_counter()
    counts = make_rft(
        list(stores.values()), bare, out / "three-writers", execution=Execution(workers=workers)
    ).counts
    seconds = time.perf_counter() - started
    told = f"{counts['samples']:,} traces of {len(stores)} writers, {counts['questions']} questions"
    print(f"{told}: {seconds:.0f} s")
    writers_table(out / "three-writers", counts)
    curve_table(out / "three-writers")
    equations = counts["equations"]
    print(f"\n{counts['paths']:,} distinct paths. Equations: {equations['checked']:,} checked, ", end="")
    print(f"{equations['unchecked']:,} could not be. What became of the traces: {counts['became']}.")
    print(
        f"Filters alone: {counts['fails']}. Questions without a right answer: {counts['unsolved']}; ", end=""
    )
    print(f"with a suspect gold answer: {counts['suspects']}. Objective: {counts['diversity']}.")
    keys_table(stores, given, out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    told = parser.parse_args()
    if not (told.data / "gsm8k-multi-path").is_dir():
        print(f"{told.data} has no gsm8k-multi-path; give the folder of the shared data with --data")
        return
    if told.out is not None:
        run(told.data, told.out, told.workers)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(told.data, Path(folder), told.workers)


if __name__ == "__main__":
    main()
