"""Nothing that a model can write takes long, is executed, or ends the run."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotmill.data.types import Example
from cotmill.verify import SymbolicConfig, Verdict, Verifier
from cotmill.verify.judge import first_judgement

MANY = 100_000
LIMIT = 2.0
"""Processor seconds, so that a busy machine does not fail the test; docs/verify.md has the wall times."""

HOSTILE = {
    "power": "9**9**9",
    "tower": "9^{9^{9^{9}}}",
    "factorial": "999999999!",
    "factorials": "((999!)!)!",
    "exponent": "1e999999999",
    "braces": "{" * MANY + "1" + "}" * MANY,
    "fractions": "\\frac{" * 9000 + "1" + "}" * 9000,
    "brackets": "(" * MANY + "1" + ")" * MANY,
    "megabyte": "1" * 10 * MANY,
    "commas": "1," * 5 * MANY,
    "blanks": "the answer is" + " " * 10 * MANY + "5",
    "words": "the answer " * MANY,
    "equations": "1+1=2" * MANY,
    "signs": "1=" * MANY,
    "marks": "<<1+1=2>>" * MANY,
    "open marks": "<<" * 5 * MANY,
    "hashes": "#### " * MANY,
    "boxes": "\\boxed{" * MANY,
    "tags": "<b>" * MANY,
    "script": "<script>alert(1)</script>",
    "bidi": "\u202e5\u202c",
    "accents": "5" + "\u0301" * MANY,
    "digits": "٣" * MANY,
    "divisions": "1/" * MANY + "1",
    "ratio": "1:" * MANY,
    "matrix": "\\begin{pmatrix}" + "1&" * MANY + "1\\end{pmatrix}",
    "set": "\\{" + "1," * MANY + "1\\}",
    "binomial": "\\binom{999999999}{499999999}",
    "sum": "\\sum_{i=1}^{999999999} i",
    "quotes": "'" * MANY,
    "dollars": "$" * MANY,
    "backslashes": "\\" * MANY,
    "zeros": "\0" * MANY,
    "and": "1 and " * MANY,
    "less": "1<" * MANY,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_judged_in_time(name: str) -> None:
    text = HOSTILE[name]
    verifier = Verifier()
    for trace in (text, f"#### {text}", f"\\boxed{{{text}}}"):
        started = time.process_time()
        verifier._with_steps(text, trace, first_judgement("5", trace, question=text)[0])
        first_judgement(text, trace)
        assert time.process_time() - started < LIMIT


def test_a_tower_is_unparsed_and_a_run_goes_on() -> None:
    found = list(Verifier().all([(Example("", "5"), "\\boxed{9^{9^{9}}}"), (Example("", "5"), "#### 5")]))
    assert [item.answer.verdict for item in found] == [Verdict.UNPARSED, Verdict.CORRECT]


def test_code_is_never_executed(tmp_path: Path) -> None:
    target = tmp_path / "pwned"
    verifier = Verifier(symbolic=SymbolicConfig(seconds=0.3))
    for code in (
        f"__import__('pathlib').Path('{target}').touch()",
        f"open('{target}','w')",
        f"\\write18{{touch {target}}}",
    ):
        for text in (f"<<{code}=5>>", f"{code} = 5\n#### {code}", f"\\boxed{{{code}}}"):
            verifier(Example(code, code + " "), text)
    assert not target.exists()


WORDS = (
    *[
        "1",
        "0",
        "9",
        "17",
        "3.5",
        "1,000",
        "x",
        "y",
        "i",
        "e",
        "=",
        "+",
        "-",
        "*",
        "/",
        "^",
        "!",
        "%",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        ":",
        "|",
        "&",
        "<",
        ">",
        "<<",
        ">>",
        "####",
        "$",
        "\n",
    ],
    *[
        r"\{",
        r"\}",
        r"\boxed{",
        r"\frac{",
        r"\sqrt{",
        r"\pi",
        r"\infty",
        r"\cup",
        r"\le",
        r"\ne",
        r"\pm",
        r"\sin",
        r"\log_",
        r"\\",
        r"\$",
    ],
    *[
        r"\begin{pmatrix}",
        r"\end{pmatrix}",
        r"hours",
        r"minutes",
        r"of",
        r"and",
        r"or",
        r"is",
        r"answer",
        r"the",
    ],
    *"½−٣²√°…。",
)
PIECES = st.sampled_from(WORDS)
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=60)


@given(TEXTS, TEXTS, st.booleans())
@settings(max_examples=300, deadline=2_000, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_judged_without_an_error_and_symmetrically(gold: str, text: str, spaced: bool) -> None:
    from cotmill.verify.clean import undress
    from cotmill.verify.judge import _compare

    text = " ".join(text) if spaced else text
    verifier = Verifier()
    verifier._with_steps(gold, text, first_judgement(gold, text, question=gold)[0])
    left, right = undress(gold), undress(text)
    assert _compare(left, right, "").same == _compare(right, left, "").same
    assert _compare(left, left, "").same is True
