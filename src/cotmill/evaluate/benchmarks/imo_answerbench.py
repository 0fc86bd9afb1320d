"""IMO-AnswerBench: olympiad problems with short LaTeX answers (Google DeepMind 2025); by category."""

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Keep the category as group."""
    return asked("problem-short-answer", raw, category=raw["Category"])


IMO_ANSWERBENCH = Entry(
    name="imo-answerbench",
    about="olympiad problems with short answers",
    source="google-deepmind/superhuman, imobench",
    licence="CC BY 4.0",
    parts={"v2": ("imo-answerbench/answerbench_v2.csv", "imo-answerbench/answerbench_v2.dev.csv")},
    question=question,
    strict_rule="math",
    groups=("category",),
)
