"""GSM8K: grade-school word problems (Cobbe et al. 2021, arXiv 2110.14168); by number of steps.

Strict rule: the number behind "####", as the authors' own grader reads it.
"""

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked, steps_of


def question(raw: Raw) -> Row:
    """Keep the solution, so that its loss can be measured."""
    return asked("gsm8k", raw, steps=steps_of(raw["answer"]))


GSM8K = Entry(
    name="gsm8k",
    about="grade-school word problems with worked solutions",
    source="openai/grade-school-math; arXiv 2110.14168",
    licence="MIT",
    parts={
        "test": ("gsm8k/test.jsonl", "gsm8k/test.jsonl.gz", "gsm8k/test.first660.jsonl"),
        "train": ("gsm8k/train.jsonl", "gsm8k/train.jsonl.gz"),
    },
    default=("test",),
    question=question,
    groups=("steps",),
)
