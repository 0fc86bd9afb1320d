"""A second domain without arithmetic: short made-up clinical findings and their impression.

It is there to show that the machinery for text metrics works on something that is not mathematics. The
notes are generated from a few dozen phrases; nothing in them is about anyone, or is medical advice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cotmill.core.ids import rng_of

SIDES = ("left", "right")
SIZES = ("small", "moderate", "large")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that may be seen: how it is described, how it is summed up, what is said without it."""

    rank: int
    seen: tuple[str, ...]
    short: str
    absent: tuple[str, ...]


FINDINGS: tuple[Finding, ...] = (
    Finding(
        0,
        (
            "There is a {size} {side} pneumothorax.",
            "A {size} pneumothorax is seen on the {side}.",
            "Air is present in the {side} pleural space, {size} in amount.",
        ),
        "{Size} {side} pneumothorax.",
        ("No pneumothorax.", "There is no pneumothorax.", "No air in the pleural space."),
    ),
    Finding(
        1,
        (
            "There is an opacity in the {side} lower lobe.",
            "The {side} lower lobe shows a {size} area of consolidation.",
            "A {size} opacity is seen at the {side} base.",
        ),
        "{Side} lower lobe opacity, likely pneumonia.",
        ("The lungs are clear.", "No focal opacity.", "No consolidation is seen."),
    ),
    Finding(
        2,
        (
            "There is a {size} {side} pleural effusion.",
            "A {size} amount of fluid is seen in the {side} pleural space.",
            "The {side} angle is blunted by a {size} effusion.",
        ),
        "{Size} {side} pleural effusion.",
        ("No pleural effusion.", "The angles are sharp.", "There is no effusion."),
    ),
    Finding(
        3,
        (
            "The heart is enlarged.",
            "The heart size is increased.",
            "The cardiac outline is larger than normal.",
        ),
        "Enlarged heart.",
        ("The heart is normal in size.", "Normal heart size.", "The cardiac outline is normal."),
    ),
    Finding(
        4,
        (
            "There is a healing fracture of a {side} rib.",
            "A {side} rib shows an old fracture.",
            "An old {side} rib fracture is seen.",
        ),
        "Old {side} rib fracture.",
        ("The bones are intact.", "No fracture is seen.", "The ribs are normal."),
    ),
)

LINES_SEEN = ("A {side} central line is in place.", "The {side} central line is unchanged.")
NORMAL = "No acute findings."


def clinical_rows(seed: int, rows: int, *, start: int = 0) -> Iterator[dict[str, object]]:
    """Stream rows of prompt (findings) and completion (impression); row i depends on (seed, i) alone.

    >>> row = next(clinical_rows(0, 1))
    >>> sorted(row)
    ['completion', 'lab_findings', 'prompt']
    """
    for i in range(start, start + rows):
        yield _row(rng_of(seed, "clinical", i))


def _row(rng: np.random.Generator) -> dict[str, object]:
    present = [bool(rng.random() < 0.3) for _ in FINDINGS]
    sentences: list[str] = []
    impression: list[str] = []
    for finding, here in zip(FINDINGS, present, strict=True):
        words = {"size": _pick(rng, SIZES), "side": _pick(rng, SIDES)}
        if here:
            text = _pick(rng, finding.seen)
            sentences.append(text.format(**words))
            capital = {name.capitalize(): word.capitalize() for name, word in words.items()}
            impression.append(finding.short.format(**words, **capital))
        elif rng.random() < 0.7:
            sentences.append(_pick(rng, finding.absent))
    if rng.random() < 0.3:
        sentences.append(_pick(rng, LINES_SEEN).format(side=_pick(rng, SIDES)))
    order = rng.permutation(len(sentences))
    findings = " ".join(sentences[i] for i in order) or FINDINGS[1].absent[0]
    return {
        "prompt": f"Findings: {findings}\nImpression:",
        "completion": " " + (" ".join(impression) or NORMAL),
        "lab_findings": sum(present),
    }


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]
