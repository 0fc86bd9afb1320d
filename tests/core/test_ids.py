"""Keys by hash: uniform, functions of (seed, id), and the same for every form of ids."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.ids import as_strings, content_id, id_words, order_keys, places_of

IDS = [content_id("row", str(i)) for i in range(300)]


def forms(ids: list[str]) -> list:
    array = pa.array(ids)
    return [
        ids,
        iter(ids),
        np.array(ids),
        np.array(ids, dtype=object),
        array,
        pa.array(["x", *ids])[1:],
        array.cast(pa.large_string()),
        pa.chunked_array([array[:7], array[:0], array[7:]]),
        array.dictionary_encode(),
    ]


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize(
    "ids", [IDS, ["any", "other", "id"], [*IDS[:3], "mixed"], [IDS[0].upper()], ["é" * 32], []]
)
def test_every_form_of_the_ids_has_the_same_keys(number: int, ids: list[str]):
    expected = [int(order_keys(5, [row_id])[0]) for row_id in ids]
    assert order_keys(5, forms(ids)[number]).tolist() == expected
    assert as_strings(forms(ids)[number]).tolist() == ids


def test_the_words_of_a_content_id_are_its_digits():
    first, second = id_words([IDS[0]])[0].tolist()
    assert f"{first:016x}{second:016x}" == IDS[0]


def test_upper_case_is_another_id():
    assert order_keys(0, [IDS[0]]) != order_keys(0, [IDS[0].upper()])


def test_keys_are_uniform_and_seeds_are_independent():
    ids = np.array([content_id(str(i)) for i in range(20_000)])
    keys = [order_keys(seed, ids) for seed in (0, 1)]
    for key in keys:
        counts = np.bincount((key >> np.uint64(60)).astype(int), minlength=16)
        # chi-squared with 15 degrees of freedom: above 50 with a chance of 1e-5
        assert ((counts - 1250) ** 2 / 1250).sum() < 50
    ranks = [np.argsort(np.argsort(key)) for key in keys]
    assert abs(np.corrcoef(ranks)[0, 1]) < 0.04
    assert len(np.unique(keys[0])) == 20_000


@given(st.integers(0, 2**62), st.integers(0, 127))
def test_one_bit_of_an_id_or_another_seed_changes_half_of_the_key(seed: int, bit: int):
    base = int(IDS[0], 16)
    flipped = f"{base ^ (1 << bit):032x}"
    keys = order_keys(seed, [IDS[0], flipped]).tolist()
    other = order_keys(seed + 1, [IDS[0]]).tolist()[0]
    # 64 fair coins: fewer than 10 or more than 54 heads with a chance of 1e-8
    assert 10 <= (keys[0] ^ keys[1]).bit_count() <= 54
    assert 10 <= (keys[0] ^ other).bit_count() <= 54


@given(st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40), unique=True))
def test_places_are_found_even_where_ids_begin_alike(wanted: list[int], among: list[int]):
    # 16 equal digits, and few different ones after: the first words are all the same
    def name(number: int) -> str:
        return "0" * 30 + f"{number:02x}"

    places = places_of([name(n) for n in wanted], [name(n) for n in among])
    assert places.tolist() == [among.index(n) if n in among else -1 for n in wanted]
