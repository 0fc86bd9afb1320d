"""Write a Pool for other trainers: TRL, LLaMA-Factory, axolotl; or plain JSON Lines or Parquet.

Every export is a folder with the data, what that trainer needs beside it, a dataset card, and
`export.json` with counts and hashes. Rows without a trace have nothing to train on: they are left out
and counted (but not in jsonl and parquet, which keep a Pool as it is).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cotmill.core.errors import DataError
from cotmill.core.files import folder_aside, sha256_of, write_json, write_text
from cotmill.data.card import card
from cotmill.data.pool import Pool

MANIFEST = "export.json"
NAME = re.compile(r"\w[\w .-]*")
NO_TRACE = "left out of the export: no solution to train on"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Exported:
    """What an export wrote."""

    folder: Path
    rows: int
    left_out: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """One way to write: returns the data files, relative to the folder."""

    about: str
    write: Callable[[Pool, Path, str], list[str]]
    needs_trace: bool = True


def export(pool: Pool, to: str, out: Path, *, name: str = "cotmill", licence: str | None = None) -> Exported:
    """Write a pool in another tool's form, whole or not at all.

    Raises:
        DataError: there is no such form, the folder holds something else, or no row has a solution.
    """
    target = TARGETS.get(to)
    if target is None:
        raise DataError(f"cannot export to '{to}'; choose from {', '.join(TARGETS)}")
    if not NAME.fullmatch(name):
        raise DataError(
            f"--name {name!r} cannot be the name of a file; use letters, digits, spaces, '.', '_' and '-'"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / MANIFEST).is_file():
        raise DataError(f"{out} exists and is not an export; name a new folder")
    bare = sum(not trace for trace in _column(pool, "trace")) if target.needs_trace else 0
    if bare == len(pool):
        raise DataError(f"none of the {len(pool):,} rows has a solution: there is nothing to train on")
    left_out = {NO_TRACE: bare} if bare else {}
    with folder_aside(out) as part:
        files = target.write(pool, part, name)
        write_text(
            part / "README.md", card(pool, title=name, files=files, licence=licence, left_out=left_out)
        )
        manifest = {
            "to": to,
            "rows": len(pool) - bare,
            "left_out": left_out,
            "pool_fingerprint": pool.fingerprint,
            "sha256": {file: sha256_of(part / file) for file in files},
        }
        write_json(part / MANIFEST, manifest)
    return Exported(out, len(pool) - bare, bare, tuple(files))


# ---- what is written ------------------------------------------------------------------------------


def _trl(pool: Pool, folder: Path, _name: str) -> list[str]:
    """Prompt and completion; with turns before the question, both as lists of messages.

    The prompt ends in the line break that cotmill itself puts between question and solution, since TRL
    joins the two as they are.
    """
    spoken = _has_context(pool)

    def row_of(row: Row) -> Row:
        if spoken:
            answer = [{"role": "assistant", "content": row["trace"]}]
            return {"row_id": row["row_id"], "prompt": _asked(row), "completion": answer}
        return {"row_id": row["row_id"], "prompt": _opened(row["question"]), "completion": row["trace"]}

    _write_lines(folder / "train.jsonl", map(row_of, _trained(pool)))
    write_text(folder / "sft.yaml", _yaml({"dataset_name": ".", "dataset_train_split": "train"}, _TRL_NOTE))
    return ["train.jsonl"]


_TRL_NOTE = "run in this folder: trl sft --config sft.yaml --model_name_or_path MODEL --output_dir OUT"


def _opened(question: str) -> str:
    """End a question with a line break; running text has no question."""
    return f"{question}\n" if question else ""


def _llama_factory(pool: Pool, folder: Path, name: str) -> list[str]:
    """Alpaca rows, or ShareGPT conversations when there are turns before the question."""
    if _has_context(pool):
        _write_array(folder / f"{name}.json", map(_sharegpt_row, _trained(pool)))
        entry = {
            "file_name": f"{name}.json",
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system"},
        }
    else:
        _write_array(folder / f"{name}.json", map(_alpaca_row, _trained(pool)))
        columns = {"prompt": "instruction", "query": "input", "response": "output"}
        entry = {"file_name": f"{name}.json", "formatting": "alpaca", "columns": columns}
    write_json(folder / "dataset_info.json", {name: entry})
    return [f"{name}.json"]


def _alpaca_row(row: Row) -> Row:
    return {"instruction": row["question"], "input": "", "output": row["trace"]}


def _sharegpt_row(row: Row) -> Row:
    turns = [*_asked(row), {"role": "assistant", "content": row["trace"]}]
    system = "\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    who = {"user": "human", "assistant": "gpt", "tool": "observation"}
    spoken = [
        {"from": who.get(turn["role"], turn["role"]), "value": turn["content"]}
        for turn in turns
        if turn["role"] != "system"
    ]
    return {"conversations": spoken, "system": system}


def _axolotl(pool: Pool, folder: Path, _name: str) -> list[str]:
    """Messages, with the part of an axolotl configuration that reads them."""
    rows = (
        {"messages": [*_asked(row), {"role": "assistant", "content": row["trace"]}]} for row in _trained(pool)
    )
    _write_lines(folder / "train.jsonl", rows)
    entry = {
        "path": "train.jsonl",
        "ds_type": "json",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    note = "put this into your axolotl configuration, with the path as seen from where you run it"
    write_text(folder / "axolotl.yaml", _yaml({"datasets": [entry]}, note))
    return ["train.jsonl"]


def _jsonl(pool: Pool, folder: Path, _name: str) -> list[str]:
    """Every row with all its columns."""
    _write_lines(folder / "train.jsonl", pool.rows())
    return ["train.jsonl"]


def _parquet(pool: Pool, folder: Path, _name: str) -> list[str]:
    """A Pool as cotmill itself writes it."""
    pool.write(folder / "data")
    return sorted(f"data/{file.name}" for file in (folder / "data").glob("*.parquet"))


TARGETS: dict[str, Target] = {
    "trl": Target("TRL: prompt/completion JSON Lines and sft.yaml", _trl),
    "llama-factory": Target("LLaMA-Factory: JSON and dataset_info.json", _llama_factory),
    "axolotl": Target("axolotl: messages JSON Lines and axolotl.yaml", _axolotl),
    "jsonl": Target("JSON Lines with all columns", _jsonl, needs_trace=False),
    "parquet": Target("a Pool in Parquet", _parquet, needs_trace=False),
}


# ---- how it is written ----------------------------------------------------------------------------


def _column(pool: Pool, name: str) -> Iterator[Any]:
    """Stream one column."""
    for batch in pool.batches([name]):
        yield from batch.column(0).to_pylist()


def _has_context(pool: Pool) -> bool:
    """Say whether any row has turns before its question."""
    return any(_column(pool, "context"))


def _trained(pool: Pool) -> Iterator[dict[str, Any]]:
    """Stream the rows that have a solution."""
    for batch in pool.batches(["row_id", "question", "trace", "context"]):
        yield from (row for row in batch.to_pylist() if row["trace"])


def _asked(row: Row) -> list[dict[str, str]]:
    """List the turns up to and with the question."""
    asked = [{"role": "user", "content": row["question"]}] if row["question"] else []
    return [*row["context"], *asked]


def _write_lines(path: Path, rows: Iterable[Row]) -> None:
    """Write JSON Lines."""
    with path.open("w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(json.dumps(_without_nan(row), ensure_ascii=False, default=str) + "\n")


def _without_nan(value: Any) -> Any:
    """Put null in the place of numbers that JSON does not have: other readers refuse the whole file."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _without_nan(one) for name, one in value.items()}
    return [_without_nan(one) for one in value] if isinstance(value, list) else value


def _write_array(path: Path, rows: Iterable[Row]) -> None:
    """Write one JSON array, row by row."""
    with path.open("w", encoding="utf-8") as handle:
        for number, row in enumerate(rows):
            handle.write(("[\n" if number == 0 else ",\n") + json.dumps(row, ensure_ascii=False))
        handle.write("\n]\n")


def _yaml(content: Mapping[str, Any], note: str) -> str:
    """Write YAML below a comment."""
    return f"# {note}\n" + yaml.safe_dump(dict(content), sort_keys=False)
