"""AQuA-RAT: algebra problems with five choices (Ling et al. 2017, arXiv 1705.04146).

The choices are part of the question; strict rule: the answer is given as a choice letter.
"""

from cotmill.data.rejects import BadRowError
from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Ask with the choices below the question."""
    if raw["correct"] not in tuple("ABCDE"):
        raise BadRowError("no choice is marked as correct")
    return asked("aqua-rat", raw)


AQUA_RAT = Entry(
    name="aqua-rat",
    about="algebra problems with five choices",
    source="google-deepmind/AQuA; arXiv 1705.04146",
    licence="Apache-2.0",
    parts={"dev": ("aqua-rat/dev.json",), "test": ("aqua-rat/test.json",)},
    default=("dev",),
    question=question,
    strict_rule="choice",
)
