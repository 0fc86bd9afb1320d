"""GSM8K-Backward: a number of the question becomes x and is asked for (Yu et al. 2023, arXiv 2309.12284).

Two shapes stand in one file; they differ in the field that holds the worked solution.
"""

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Take the worked solution from whichever field this shape keeps it in."""
    solution = raw.get("output") or raw.get("inv_question_pred_answer") or ""
    row = asked("question-answer", {"question": raw["question"], "answer": raw["answer"]})
    return {**row, "trace": solution.strip(), "seed": raw["original_question"]}


GSM8K_BACKWARD = Entry(
    name="gsm8k-backward",
    about="GSM8K questions turned round",
    source="meta-math/MetaMath; arXiv 2309.12284",
    licence="Apache-2.0",
    parts={"test": ("gsm8k-backward/GSM8K_Backward.jsonl", "gsm8k-backward/GSM8K_Backward.dev.jsonl.gz")},
    question=question,
    cluster="seed",
)
