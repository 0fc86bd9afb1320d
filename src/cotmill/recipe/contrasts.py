"""The questions that crossed factors answer, each as a weighted sum of the means of arms.

Source: contrasts of a full factorial with treatment coding, averaged over the other factors (Cox and Reid
2000, "The Theory of the Design of Experiments", chapter 5). The first level of every factor is its reference:

    main         level − reference, averaged over all combinations of the other factors
    interaction  how much one level adds to what another brings, averaged likewise; of three factors and more
                 the same of the same
    alone        level − reference, with all other factors at their reference
    together     an arm with several levels − the baseline
    beyond       what is left of `together` when what each of its levels brings alone is taken off

`main` answers "what does it bring", `alone` "what does it bring to a person who does nothing else", `beyond`
"do gains add".
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cotmill.core.factors import BASELINE, combinations

MAIN, INTERACTION, ALONE, TOGETHER, BEYOND, DECLARED = (
    "main", "interaction", "alone", "together", "beyond", "declared",
)  # fmt: skip
TIMES = " × "

Design = Mapping[str, tuple[str, ...]]
"""Factor → its levels, the reference first."""


@dataclass(frozen=True)
class Contrast:
    """One question: its kind, a name, the levels that it is about, and the weight of each arm."""

    kind: str
    name: str
    levels: Mapping[str, str]
    weights: Mapping[str, float]


def contrasts_of(design: Design, declared: Mapping[str, Mapping[str, float]]) -> list[Contrast]:
    """List every question that a design answers, and those that the recipe asks besides."""
    return [
        *_averaged(design),
        *_against_baseline(design),
        *(Contrast(DECLARED, name, {}, dict(weights)) for name, weights in declared.items()),
    ]


def _averaged(design: Design) -> Iterator[Contrast]:
    """Yield main effects and interactions of every order."""
    arms = combinations(design)
    for size in range(1, len(design) + 1):
        for factors in itertools.combinations(design, size):
            for levels in itertools.product(*(design[factor][1:] for factor in factors)):
                told = dict(zip(factors, levels, strict=True))
                kind = MAIN if size == 1 else INTERACTION
                yield Contrast(kind, TIMES.join(levels), told, _weights(design, arms, told))


def _weights(
    design: Design, arms: Mapping[str, Mapping[str, str]], told: Mapping[str, str]
) -> dict[str, float]:
    """Weigh arms for a difference of differences in the factors told, averaged over all others."""
    rest = 1
    for factor, levels in design.items():
        rest *= 1 if factor in told else len(levels)
    weights = {}
    for arm, levels in arms.items():
        signs = [_sign(levels[factor], level, design[factor][0]) for factor, level in told.items()]
        sign = 1
        for one in signs:
            sign *= one
        if sign:
            weights[arm] = sign / rest
    return weights


def _sign(level: str, asked: str, reference: str) -> int:
    return 1 if level == asked else -1 if level == reference else 0


def _against_baseline(design: Design) -> Iterator[Contrast]:
    """Yield what each arm brings over the baseline, and how much of it is more than the sum of its parts."""
    for arm, levels in combinations(design).items():
        told = {factor: level for factor, level in levels.items() if level != design[factor][0]}
        if len(told) == 1:
            yield Contrast(ALONE, arm, told, {arm: 1.0, BASELINE: -1.0})
        elif told:
            yield Contrast(TOGETHER, arm, told, {arm: 1.0, BASELINE: -1.0})
            yield Contrast(BEYOND, arm, told, _beyond(arm, told.values()))


def _beyond(arm: str, parts: Iterable[str]) -> dict[str, float]:
    weights: dict[str, float] = defaultdict(float)
    weights[arm] = 1.0
    weights[BASELINE] = -1.0
    for part in parts:
        weights[part] -= 1.0
        weights[BASELINE] += 1.0
    return dict(weights)
