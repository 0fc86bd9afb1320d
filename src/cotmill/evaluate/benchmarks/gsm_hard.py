"""GSM-Hard: GSM8K questions with one number replaced by a large one (Gao et al. 2022, arXiv 2211.10435)."""

from cotmill.evaluate.benchmarks.entry import Entry, Raw, Row, asked


def question(raw: Raw) -> Row:
    """Write the target, which is a program's float, as people write numbers."""
    target = float(raw["target"])
    whole = "whole" if target == int(target) else "not whole"
    return {**asked("input-target", raw, target=whole), "gold": number_text(target)}


def number_text(number: float) -> str:
    """Write a float without the noise of binary fractions past its 15th digit.

    >>> number_text(70000.0), number_text(3244047.0999999996), number_text(0.5)
    ('70000', '3244047.1', '0.5')
    """
    return str(int(number)) if number == int(number) else f"{number:.15g}"


GSM_HARD = Entry(
    name="gsm-hard",
    about="GSM8K questions with large numbers",
    source="reasoning-machines/pal; arXiv 2211.10435",
    licence="Apache-2.0",
    parts={"test": ("gsm-hard/gsmhardv2.jsonl", "gsm-hard/gsmhardv2.dev.jsonl")},
    question=question,
    strict_rule="gsm_hard",
    groups=("target",),
)
