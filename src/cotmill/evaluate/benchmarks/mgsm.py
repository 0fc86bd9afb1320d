"""MGSM: 250 GSM8K questions translated by people (Shi et al. 2022, arXiv 2210.03057); by language.

The same question in several languages is one cluster: row n of every file is the same problem.
"""

from cotmill.evaluate.benchmarks.entry import ROW, Entry, Raw, Row, asked

LANGUAGES = ("en", "es", "fr", "de", "ru", "zh", "ja", "th", "sw", "bn", "te")
STORED = LANGUAGES[:7]
"""The languages that the project's data folder holds; the others are read when their files are put there."""


def question(raw: Raw) -> Row:
    """Number the problem, the same in every language."""
    return asked("unnamed-pair", raw, problem=str(raw[ROW]))


MGSM = Entry(
    name="mgsm",
    about="GSM8K questions in several languages",
    source="google-research/url-nlp; arXiv 2210.03057",
    licence="CC BY 4.0",
    parts={language: (f"mgsm/mgsm_{language}.tsv",) for language in LANGUAGES},
    default=STORED,
    part_column="language",
    question=question,
    strict_rule="last_number",
    groups=("language",),
    cluster="problem",
)
