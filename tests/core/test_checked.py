"""Files that carry their own hash: any damage is seen, and the file is named."""

import json
import os
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotmill.core.checked import (
    BLANK,
    KEY,
    opened,
    read_schema,
    read_table,
    write_table,
    writing,
)
from cotmill.core.errors import DamagedError
from cotmill.core.files import aside, read_json, sweep_parts, write_checked_json

TABLE = pa.table({"row_id": [f"{n:032x}" for n in range(60)], "text": ["three apples"] * 60})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a small table."""
    write_table(TABLE, tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_seen_or_changes_nothing(file: Path, place: float, bit: int) -> None:
    whole = bytearray(file.read_bytes())
    whole[int(place * len(whole))] ^= 1 << bit
    spoilt = file.with_name("spoilt.parquet")
    spoilt.unlink(missing_ok=True)
    spoilt.write_bytes(bytes(whole))
    try:
        assert read_table(spoilt).equals(TABLE)  # the key of the hash was hit, and nothing else
    except DamagedError as error:
        assert str(spoilt) in str(error)  # noqa: PT017 - either end is a good one


@pytest.mark.parametrize("left", [0, 1, 7, 12, 100, 1000, -1])
def test_a_file_that_was_cut_off_is_named(file: Path, left: int) -> None:
    file.write_bytes(file.read_bytes()[:left])
    for read in (read_table, read_schema, lambda path: opened(path).__enter__()):
        with pytest.raises(DamagedError, match=r"table\.parquet is damaged"):
            read(file)


def test_equal_tables_give_equal_bytes_and_stay_plain_parquet(file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.parquet"
    with writing(again, TABLE.schema) as writer:
        writer.write_table(TABLE)
    assert again.read_bytes() == file.read_bytes()
    assert pq.read_table(file).equals(TABLE)
    assert pq.read_metadata(file).metadata[KEY.encode()] != BLANK.encode()
    assert read_schema(file) == TABLE.schema
    with opened(file) as parquet:
        assert sum(batch.num_rows for batch in parquet.iter_batches()) == len(TABLE)


def test_a_table_of_another_tool_is_read_as_it_is(tmp_path: Path) -> None:
    spoken_of = pa.table({"text": [f"the key is {KEY} and then {BLANK}"]})
    pq.write_table(spoken_of, tmp_path / "theirs.parquet")
    assert read_table(tmp_path / "theirs.parquet").equals(spoken_of)


def test_a_table_without_columns_or_rows_can_be_written(tmp_path: Path) -> None:
    write_table(pa.table({}), tmp_path / "none.parquet")
    write_table(TABLE.slice(0, 0), tmp_path / "empty.parquet")
    assert read_table(tmp_path / "none.parquet").num_columns == 0
    assert read_table(tmp_path / "empty.parquet").schema == TABLE.schema


def test_a_footer_that_claims_to_be_longer_than_the_file_is_damage(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-8] + struct.pack("<I", 2**31 - 1) + whole[-4:])
    with pytest.raises(DamagedError, match="is damaged"):
        read_table(file)


def test_json_knows_when_it_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_checked_json(path, {"rows": 3, "name": "ä\u2028", "share": 0.1})
    assert read_json(path) == {"rows": 3, "name": "ä\u2028", "share": 0.1}
    path.write_text(path.read_text().replace('"rows": 3', '"rows": 4'))
    with pytest.raises(DamagedError, match=r"facts\.json is damaged"):
        read_json(path)
    path.write_text(json.dumps({"rows": 3}))
    assert read_json(path) == {"rows": 3}, "a file from before the hashes is read as it is"
    for text in ("", "{", "\ufffe"):
        path.write_text(text)
        with pytest.raises(DamagedError, match=r"facts\.json is damaged"):
            read_json(path)


def test_what_dead_processes_left_unfinished_is_swept_and_what_living_ones_write_is_not(
    tmp_path: Path,
) -> None:
    with aside(tmp_path / "a.txt", shared=True) as part:
        part.write_text("mine")
        dead = part.with_name(part.name.replace(f"-{os.getpid()}-", "-999999999-"))
        dead.write_text("half")
        sweep_parts(tmp_path)
        assert part.exists()
        assert not dead.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_write_that_fails_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), aside(tmp_path / "a.txt", shared=True) as part:
        fail(part)
    assert not list(tmp_path.iterdir())
