"""Ids in 16 bytes each, and text again when looked at."""

import numpy as np
import pyarrow as pa
import pytest

from cotmill.core.ids import as_strings, content_id, id_words, places_of
from cotmill.core.row_ids import RowIds

IDS = [content_id(str(i)) for i in range(50)]


def chunked(ids):
    return pa.chunked_array([ids[:20], ids[20:]], type=pa.string())


@pytest.mark.parametrize("form", [list, np.array, pa.array, chunked])
@pytest.mark.parametrize("ids", [IDS, ["a", "bc", IDS[0]], [one.upper() for one in IDS]])
def test_ids_of_any_form_come_out_as_they_went_in(form, ids):
    held = RowIds(form(ids))
    assert held.tolist() == list(held) == as_strings(held).tolist() == ids
    assert held[1] == ids[1]
    assert held[-1] == ids[-1]
    assert held[np.array([2, 0])].tolist() == [ids[2], ids[0]]
    assert held.to_arrow().to_pylist() == ids
    assert RowIds(held.to_arrow()).tolist() == ids
    np.testing.assert_array_equal(id_words(held), id_words(ids))
    np.testing.assert_array_equal(places_of(held, list(reversed(ids))), np.arange(len(ids))[::-1])
    assert np.array_equal(np.asarray(held), np.array(ids))


def test_content_ids_take_sixteen_bytes_each():
    held = RowIds(np.array(IDS))
    assert held.text is None
    assert held.words.nbytes == 16 * len(IDS)
    assert len(RowIds([])) == 0
    assert RowIds([]).to_arrow().to_pylist() == []
