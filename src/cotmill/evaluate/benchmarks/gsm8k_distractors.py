"""GSM8K with an inserted irrelevant quantity: PROBLEMATHIC (Anantheswaran et al. 2024, arXiv 2406.15444).

The passage without the distractor is asked too (base), so that the drop can be reported. Machine-made and
not cleaned: rows for which no distractor or no passage was made are set aside.
"""

from cotmill.data.rejects import BadRowError
from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked

MISSING = ("", "N/A", "No new variable")


def question(raw: Raw) -> Row:
    """Join the passage with the distractor and the question."""
    kind = raw["adversary"]["new_variable"]
    if kind in MISSING:
        raise BadRowError("no distractor was found for it")
    return asked("problemathic", raw, distractor=kind.lower(), seed=_simple(raw))


def base(raw: Raw) -> Row:
    """Ask the same without the distractor."""
    return {"question": _simple(raw), "gold": raw["answer"], "seed": _simple(raw)}


def _simple(raw: Raw) -> str:
    passage = raw["simple"]["passage"]
    if not passage or "NoInputFound" in passage:
        raise BadRowError("no passage without the distractor")
    return f"{passage.strip()} {raw['question']}"


GSM8K_DISTRACTORS = Entry(
    name="gsm8k-distractors",
    about="GSM8K questions with an inserted irrelevant quantity",
    source="him1411/problemathic; arXiv 2406.15444",
    licence="MIT",
    parts={
        "test": (
            "gsm8k-distractors/gsm_8k_test_processed_data.json",
            "gsm8k-distractors/gsm_8k_test_processed_data.dev.json.gz",
        )
    },
    question=question,
    base=base,
    groups=("distractor",),
    cluster="seed",
)
