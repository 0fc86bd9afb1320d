"""MATH form: problem, solution with a boxed answer, level, type (Hendrycks et al. 2021, arXiv 2103.03874).

All shapes it is passed around in: a folder of subjects with one JSON file a problem (the authors' archive),
one JSONL, JSON or Parquet file, and the subset of 500 with `answer`, `subject` and whole-number levels.
"""

from cotmill.data.rejects import BadRowError
from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Take the last boxed answer as gold; by level and subject."""
    subject = str(raw.get("type") or raw.get("subject") or "")
    row = asked("math", raw, level=_level(raw.get("level")), subject=subject)
    if not row["gold"]:
        raise BadRowError("no boxed answer in the solution")
    return row


def _level(raw: object) -> str:
    """Spell a level one way: 5 and "Level 5" are the same; "Level ?" stands in a few rows of the archive."""
    text = str(raw) if raw is not None else ""
    return f"Level {text}" if text.isdigit() else text


MATH = Entry(
    name="math",
    about="competition mathematics in the form of MATH",
    source="hendrycks/math; arXiv 2103.03874",
    licence="disputed: bring your own copy",
    parts={
        "test": ("math/test.jsonl", "math/test.json", "math/test.parquet", "math/test.jsonl.gz", "math/test")
    },
    question=question,
    strict_rule="math",
    groups=("level", "subject"),
)
