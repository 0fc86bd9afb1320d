"""DeepMind Mathematics: generated school mathematics (Saxton et al. 2019, arXiv 1904.01557)."""

import re

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked

KINDS = (
    ("whole number", re.compile(r"-?\d+(\.0)?")),
    ("decimal", re.compile(r"-?\d+\.\d+")),
    ("list", re.compile(r"\[.*\]|-?\d+( -?\d+)+")),
)


def question(raw: Raw) -> Row:
    """Tell the kinds of answer apart, since models fail at them differently."""
    answer = raw["answer"].strip()
    kind = next((name for name, form in KINDS if form.fullmatch(answer)), "expression")
    return asked("question-answer", raw, kind=kind)


DEEPMIND_MATHEMATICS = Entry(
    name="deepmind-mathematics",
    about="generated school mathematics",
    source="hkust-nlp/dart-math sample of google-deepmind/mathematics_dataset; arXiv 1904.01557",
    licence="MIT (generator Apache-2.0)",
    parts={
        "test": (
            "deepmind-mathematics/deepmind-mathematics.json",
            "deepmind-mathematics/deepmind-mathematics.dev.json",
        )
    },
    question=question,
    strict_rule="math",
    groups=("kind",),
)
