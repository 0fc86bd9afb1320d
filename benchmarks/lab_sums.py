"""Can the lab's base models calculate? Share of sums, differences, products … that each gets right, unasked.

Three facts of the pre-training form stand before the question, as in what the models have read.

    python benchmarks/lab_sums.py                      # the shipped models
    python benchmarks/lab_sums.py DIR lab:llama-0.9m   # any others, for example a first part of pre-training
"""

from __future__ import annotations

import sys
from collections import defaultdict
from importlib import import_module

from cotmill.core.ids import rng_of
from cotmill.lab.models import shipped
from cotmill.model.generate import generate
from cotmill.model.load import load
from cotmill.model.threads import use_threads

QUESTIONS = 1500


def line(rng: object) -> tuple[str, int, str]:
    """Draw one fact: what is left of the equals sign, the result, and the kind."""
    sign, operands, value = import_module("cotmill.lab.declarative")._fact(rng)
    if sign == "%":
        return f"{operands[0]}*{operands[1]}/100", value, "percent"
    return sign.join(map(str, operands)), value, f"{len(operands)} numbers {sign}"


def shares(name: str) -> dict[str, tuple[int, int]]:
    """Ask one model; give right answers and questions by kind."""
    lm, rng = load(name), rng_of(123, "sums")
    asked = [[line(rng) for _ in range(4)] for _ in range(QUESTIONS)]
    texts = [
        "\n".join(f"{left}={value}" for left, value, _ in four[:3]) + f"\n{four[3][0]}=" for four in asked
    ]
    prompts = [lm.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for written, (*_, (_, value, kind)) in zip(generate(lm, prompts, max_new_tokens=5), asked, strict=True):
        right = written.text.split("\n")[0].strip() == str(value)
        for group in (kind, "all"):
            found[group] = (found[group][0] + right, found[group][1] + 1)
    return dict(sorted(found.items()))


def main() -> None:
    """Print one line a model."""
    use_threads(1)
    for name in sys.argv[1:] or [f"lab:{one}" for one in shipped()]:
        told = ", ".join(f"{kind} {right}/{asked}" for kind, (right, asked) in shares(name).items())
        print(f"{name}: {told}")


if __name__ == "__main__":
    main()
