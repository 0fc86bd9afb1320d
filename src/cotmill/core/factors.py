"""Factors of a recipe: settings that are crossed with one another, and the arms that follow.

A factor is a name and its levels, each a few overrides of the pipeline; the first level is the one that the
others are compared to. Every combination of levels is an arm. Its name lists the levels that are not the
first of their factor; the arm with none is the baseline.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BASELINE = "baseline"
"""The arm that has the first level of every factor."""
AND = " + "


def combinations(factors: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    """Name every combination of levels, and give the level of each factor in it.

    >>> list(combinations({"pruning": ["none", "S2L"], "noise": ["plain", "masked"]}))
    ['baseline', 'masked', 'S2L', 'S2L + masked']
    """
    if not factors:
        return {}
    found = {}
    for levels in itertools.product(*(list(levels) for levels in factors.values())):
        told = dict(zip(factors, levels, strict=True))
        named = [level for factor, level in told.items() if level != next(iter(factors[factor]))]
        found[AND.join(named) or BASELINE] = told
    return found


def wrong_with(factors: Mapping[str, Iterable[str]], arms: Iterable[str]) -> Iterator[str]:
    """Say what keeps factors from being crossed: too few levels, or names that would mean two things."""
    for name, levels in factors.items():
        if len(list(levels)) < 2:
            yield f"the factor {name!r} has one level; give it two or more, the first to compare with"
    uses = Counter(level for levels in factors.values() for level in list(levels)[1:])
    for level, times in uses.items():
        if times > 1:
            yield f"two factors have a level {level!r}; arms are named by levels, so give them other names"
        if AND in level or level == BASELINE:
            yield f"a level cannot be called {level!r}, since arms are named like that"
    for arm in sorted(set(combinations(factors)) & set(arms)):
        yield f"the arm {arm!r} is made by the factors already; give the other one another name"


def arms_of(recipe: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """List every arm of a recipe in its order, with the overrides that make it: of its levels, or its own.

    >>> recipe = {"factors": {"noise": {"plain": {}, "masked": {"train": {"mask": 0.4}}}}, "arms": {"x": {}}}
    >>> arms_of(recipe)
    {'baseline': [{}], 'masked': [{'train': {'mask': 0.4}}], 'x': [{}]}
    """
    factors = recipe.get("factors") or {}
    crossed: dict[str, list[Mapping[str, Any]]] = {
        name: [factors[factor][level] or {} for factor, level in levels.items()]
        for name, levels in combinations(factors).items()
    }
    arms: Mapping[str, Any] = recipe.get("arms") or {}
    return {**crossed, **{name: [changes or {}] for name, changes in arms.items()}}
