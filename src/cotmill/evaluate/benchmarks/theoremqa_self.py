"""TheoremQA, the questions its authors wrote (Chen et al. 2023, arXiv 2305.12524)."""

from cotmill.data.rejects import BadRowError
from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Set aside rows that need a picture or were copied from elsewhere."""
    if raw.get("Picture"):
        raise BadRowError("needs a picture")
    if str(raw.get("source", "self")).lower() != "self":
        raise BadRowError("not written by the authors of the set")
    return asked("question-answer", raw, kind=raw["Answer_type"], field=raw["field"])


THEOREMQA_SELF = Entry(
    name="theoremqa-self",
    about="university questions with typed answers",
    source="wenhuchen/TheoremQA; arXiv 2305.12524",
    licence="MIT",
    parts={"test": ("theoremqa-self/theoremqa_test.json", "theoremqa-self/theoremqa_self.dev.json")},
    question=question,
    strict_rule="math",
    groups=("kind", "field"),
)
