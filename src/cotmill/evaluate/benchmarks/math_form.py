"""MATH form: problem, solution with a boxed answer, level, type (Hendrycks et al. 2021, arXiv 2103.03874)."""

from cotmill.data.rejects import BadRowError
from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Take the last boxed answer as gold; by level and subject."""
    row = asked(
        "math", raw, level=str(raw.get("level", "")), subject=str(raw.get("type") or raw.get("subject") or "")
    )
    if not row["gold"]:
        raise BadRowError("no boxed answer in the solution")
    return row


MATH = Entry(
    name="math",
    about="competition mathematics in the form of MATH",
    source="hendrycks/math; arXiv 2103.03874",
    licence="disputed: bring your own copy",
    parts={"test": ("math/test.jsonl", "math/test.json", "math/test.parquet", "math/test.jsonl.gz")},
    question=question,
    strict_rule="math",
    groups=("level", "subject"),
)
