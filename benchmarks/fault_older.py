"""Outputs as earlier and later versions of cotmill lay them out; what an output says in any layout."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from fault_verbs import UNTOLD

from cotmill.core.checked import sums_of
from cotmill.core.files import DIGEST
from cotmill.core.runs import STEP, TIMING

VERSIONS = ("version", "schema_version", "layout")


def as_older(out: Path) -> None:
    """Take the hashes out of an output, as it was before files carried them.

    Records then listed no hashes of other files either; only steps of a Run have always done so.
    """
    for path in [out] if out.is_file() else sorted(out.rglob("*")):
        if path.suffix == ".parquet":
            pq.write_table(pq.read_table(path), path, compression="zstd")
        elif path.suffix == ".json":
            value = json.loads(path.read_text())
            if isinstance(value, dict) and isinstance(value.get(DIGEST), str):
                kept = {k: v for k, v in value.items() if k != DIGEST and not _are_sums(v)}
                path.write_text(json.dumps(kept, sort_keys=True, indent=2, ensure_ascii=False) + "\n")
        elif path.name == "outputs.jsonl":
            entries = [json.loads(line) for line in path.read_text().splitlines()]
            kept = [
                {k: v for k, v in one.items() if k != DIGEST} if "batch" in one else one for one in entries
            ]
            path.write_text("".join(json.dumps(one) + "\n" for one in kept))
    for record in [] if out.is_file() else out.glob(f"steps/*/{STEP}"):
        value = json.loads(record.read_text())
        value["files"] = sums_of(record.parent, without=(STEP, TIMING))
        record.write_text(json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n")


def _are_sums(value: Any) -> bool:
    """Say whether an entry lists files with their hashes."""
    return isinstance(value, dict) and any(
        isinstance(one, dict) and DIGEST in one and "bytes" in one for one in value.values()
    )


def as_newer(out: Path) -> bool:
    """Write a version that is to come into the records of an output; tell whether it has any."""
    if out.is_file():
        return False
    found = False
    for path in sorted(out.glob("*.json")):
        value = json.loads(path.read_text())
        names = [name for name in VERSIONS if isinstance(value, dict) and isinstance(value.get(name), int)]
        if names:
            value = {name: one for name, one in value.items() if name != DIGEST}
            path.write_text(json.dumps({**value, names[0]: value[names[0]] + 1}))
            found = True
    return found


def logical(out: Path) -> dict[str, str]:
    """Hash what the files of an output say, not how they are laid out."""
    files = {out.name: out} if out.is_file() else {
        path.relative_to(out).as_posix(): path
        for path in sorted(out.rglob("*"))
        if path.is_file() and not set(path.relative_to(out).parts) & set(UNTOLD) and path.name[0] != "."
    }  # fmt: skip
    return {name: hashlib.sha256(_said(path).encode()).hexdigest() for name, path in files.items()}


def _said(path: Path) -> str:
    if path.suffix == ".parquet":
        return repr(pq.read_table(path).to_pylist())
    if path.suffix == ".json":
        return repr(_bare(json.loads(path.read_text())))
    if path.name == "outputs.jsonl":
        return repr([_bare(json.loads(line)) for line in path.read_text().splitlines()])
    return path.read_bytes().hex()


def _bare(value: Any) -> Any:
    """Leave out hashes and sizes of files: those are of the layout."""
    if isinstance(value, dict):
        return {
            key: _bare(one) for key, one in sorted(value.items()) if key not in (DIGEST, "files", "bytes")
        }
    return [_bare(one) for one in value] if isinstance(value, list) else value
