"""The manifest on disk."""

import json

import pytest

from cotmill.core.errors import DataError
from cotmill.select import Random, Selection


def test_files_of_equal_selections_are_equal_byte_for_byte(make_pool, tmp_path):
    folders = [Random()(make_pool(50), budget=9, seed=0).write(tmp_path / name) for name in ("a", "b")]
    for name in ("selection.parquet", "selection.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_folder_of_something_else_is_not_overwritten(make_pool, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("x")
    with pytest.raises(DataError, match="not a selection"):
        Random()(make_pool(5), budget=1, seed=0).write(tmp_path / "precious")


def test_what_is_no_selection_or_was_changed_by_hand_is_refused(make_pool, tmp_path):
    with pytest.raises(DataError, match="it lacks selection"):
        Selection.read(tmp_path)
    folder = Random()(make_pool(5), budget=1, seed=0).write(tmp_path / "s")
    facts = json.loads((folder / "selection.json").read_text())
    facts["facts"]["seed"] = 1
    (folder / "selection.json").write_text(json.dumps(facts))
    with pytest.raises(DataError, match="is damaged: its content is not what was written"):
        Selection.read(folder)


def test_rows_are_taken_in_the_order_of_the_pool(make_pool):
    pool = make_pool(40)
    selection = Random()(pool, budget=11, seed=0)
    places = [pool.ids.tolist().index(row_id) for row_id in selection.row_ids]
    assert places == sorted(places)
    assert selection.apply(pool).ids.tolist() == selection.row_ids.tolist()
