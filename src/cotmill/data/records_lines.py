"""Stream the rows of JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from cotmill.data.chunk import DEEPEST, Chunk, chunk_of, refuse_deep
from cotmill.data.rejects import BadRowError, RejectLog
from cotmill.data.stream import LONGEST_LINE, Block, blocks

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19


def line_chunks(path: Path, log: RejectLog) -> Iterator[Chunk]:
    """Stream JSON Lines; what is no JSON object is set aside.

    orjson reads what it can. The lines that it refuses, and blocks with numbers of more than 18 digits
    (which it would round), go to the standard library, so that what a row becomes depends on its text
    alone. (Arrow's own parser is faster still, but a line that is only `null` crashes the process.)
    """
    for block in blocks(path):
        if block.skipped:
            error = BadRowError(f"line longer than {LONGEST_LINE:,} bytes", f"{block.skipped:,} bytes")
            log.add(path.name, block.first, error, block.data)
            continue
        chunk = _parsed(block, path, log)
        if len(chunk):
            yield chunk


def _parsed(block: Block, path: Path, log: RejectLog) -> Chunk:
    """Parse a block line by line."""
    rows, lines = [], []
    parse = parsed_object if _LONG_NUMBER in block.data.translate(_DIGITS) else _parsed_fast
    for number, line in enumerate(block.data.split(b"\n"), start=block.first):
        if line and not line.isspace():
            try:
                rows.append(parse(line))
                lines.append(number)
            except BadRowError as error:
                log.add(path.name, number, error, line)
    return chunk_of(rows, lines)


def _parsed_fast(line: bytes) -> dict[str, Any]:
    """Parse one JSON object by orjson, or else with care."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return parsed_object(line)
    return _object(value, line)


def parsed_object(line: bytes) -> dict[str, Any]:
    """Parse one JSON object.

    Raises:
        BadRowError: not UTF-8, no JSON, or no object.
    """
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadRowError("not UTF-8", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise BadRowError("broken JSON", str(error)) from error
    return _object(value, line)


def _object(value: Any, line: bytes) -> dict[str, Any]:
    """Return the value when it can be a row."""
    if not isinstance(value, dict):
        raise BadRowError("not a JSON object", type(value).__name__)
    if line.count(b"[") + line.count(b"{") > DEEPEST:
        refuse_deep(value)
    return value
