"""SVAMP: varied one-step word problems (Patel et al. 2021, arXiv 2103.07191); by operation."""

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked

MISSPELT = {"Common-Divison": "Common-Division"}


def question(raw: Raw) -> Row:
    """Name the operation, one spelling each."""
    kind = str(raw["Type"])
    return asked("svamp", raw, operation=MISSPELT.get(kind, kind))


SVAMP = Entry(
    name="svamp",
    about="arithmetic word problems made by varying seed problems",
    source="arkilpatel/SVAMP; arXiv 2103.07191",
    licence="MIT",
    parts={"all": ("svamp/SVAMP.json", "svamp/SVAMP.train.json")},
    question=question,
    strict_rule="last_number",
    groups=("operation",),
)
