"""GSM-Plus: eight kinds of changed GSM8K question (Li et al. 2024, arXiv 2402.19255); by perturbation.

The seed question of each cluster is asked too, so that the drop against it can be reported. For
"critical thinking" (a premise was removed) the right answer is "None": that it cannot be answered.
Strict rule: the authors' own grader, which looks for phrases such as "not mention" there; base questions are
held to the same rule, as theirs are.
"""

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked, steps_of


def question(raw: Raw) -> Row:
    """Name the perturbation, and the seed question as cluster."""
    steps = steps_of(raw["seed_solution"])
    return asked(
        "gsm-plus", raw, perturbation=raw["perturbation_type"], steps=steps, seed=raw["seed_question"]
    )


def base(raw: Raw) -> Row:
    """Ask the seed question itself."""
    return {
        "question": raw["seed_question"],
        "gold": raw["seed_answer"],
        "trace": raw["seed_solution"],
        "steps": steps_of(raw["seed_solution"]),
        "seed": raw["seed_question"],
    }


GSM_PLUS = Entry(
    name="gsm-plus",
    about="GSM8K questions changed in eight ways",
    source="qtli/GSM-Plus; arXiv 2402.19255",
    licence="CC BY-SA 4.0",
    parts={"testmini": ("gsm-plus/gsmplus_testmini.jsonl", "gsm-plus/gsmplus_testmini.dev.jsonl.gz")},
    question=question,
    base=base,
    strict_rule="gsm_plus",
    groups=("perturbation", "steps"),
    cluster="seed",
)
