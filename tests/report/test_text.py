"""Text that models wrote is inert and bounded."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cotmill.report.parts import Csv
from cotmill.report.text import LONGEST, clipped, signed, slug, visible
from cotmill.report.viewer import script_json

ANY = st.text(alphabet=st.characters(blacklist_categories=()), max_size=200)


@given(ANY)
def test_nothing_that_acts_or_hides_is_left(text: str) -> None:
    shown = visible(text)
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in shown)
    assert not set(shown) & set(
        "\x7f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    )
    shown.encode("utf-8")
    assert visible(shown) == shown


@given(ANY)
def test_json_for_a_script_element_cannot_end_it_and_reads_back(text: str) -> None:
    written = script_json({"text": visible(text)})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"text": visible(text)}


def test_a_long_text_is_cut_and_the_cut_is_counted() -> None:
    shown = clipped("x" * 10_000_000)
    assert len(shown) < LONGEST + 60
    assert shown.endswith("(9,998,000 more characters)")


def test_letters_of_other_scripts_stay_as_they_are() -> None:
    assert visible("Zoë זואי 佐伊 👩‍🔬\n\ttab") == "Zoë זואי 佐伊 👩‍🔬\n\ttab"


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert [signed(value, 1) for value in (-0.04, 0.04, -0.06)] == ["0.0", "0.0", "−0.1"]


def test_a_spreadsheet_does_not_run_text_as_a_formula() -> None:
    text = Csv("x", ("a", "b"), (("=1+1", -2.5), ("@sum", 3))).text()
    assert text == "a,b\n'=1+1,-2.5\n'@sum,3\n"


def test_names_become_safe_file_names() -> None:
    assert [slug(name) for name in ("../../etc", "Über 50%", "…")] == ["etc", "uber-50", "unnamed"]
