"""GSM-IC form: one irrelevant sentence added (Shi et al. 2023, arXiv 2302.00093).

By topic, role overlap, number range and step count. Micro accuracy is over all questions; macro accuracy
is the share of base problems whose every variation is solved; normalised accuracy is either, divided by
the accuracy on the base problems, which are asked too.
"""

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Name the three labels and the step count as groups."""
    return asked(
        "gsm-ic",
        raw,
        topic=raw["sentence_label"],
        role_overlap=raw["role_label"],
        number_range=raw["number_label"],
        steps=_steps(raw),
        seed=raw["original_question"],
    )


def base(raw: Raw) -> Row:
    """Ask the original question."""
    seed = raw["original_question"]
    return {"question": seed, "gold": str(raw["answer"]), "steps": _steps(raw), "seed": seed}


def _steps(raw: Raw) -> str:
    """Split as the files of the set are split: two steps, or more."""
    return "2" if int(raw["n_steps"]) <= 2 else "more than 2"


GSM_IC = Entry(
    name="gsm-ic",
    about="GSM8K questions with one irrelevant sentence, in the form of GSM-IC",
    source="google-research-datasets/GSM-IC; arXiv 2302.00093",
    licence="none stated by its authors: bring your own copy",
    parts={"2step": ("gsm-ic/GSM-IC_2step.json",), "mstep": ("gsm-ic/GSM-IC_mstep.json",)},
    question=question,
    base=base,
    groups=("topic", "role_overlap", "number_range", "steps"),
    cluster="seed",
)
