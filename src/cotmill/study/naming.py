"""What sort of setting a pipeline is: its method in words, and how much labelled data it starts from.

A random selection from the data is less data, not a method. Any other difference between pipelines of one
base and one amount of data (steps, learning rate, defects…) is named, so that nothing is compared unawares.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotmill.recipe.schema import Pipeline
from cotmill.select.budget import Budget, Unit
from cotmill.study.points import PLAIN

SIZES = ("data.train.lab.rows", "data.train.clinical.rows", "data.train.limit")
NAMED = ("model", "select.", "augment.k", "sample.", "train.mask", "evaluate", "proxy", *SIZES)
"""What the words of a method, the base or the amount of data say already, and what only measures."""


def method_of(pipeline: Pipeline) -> tuple[str, str]:
    """Name a method, and its kind."""
    if pipeline.train is None:
        return "not fine-tuned", "other"
    words, kinds = [PLAIN], ["sft"]
    if pipeline.augment is not None and pipeline.sample is not None:
        models, k = len(pipeline.sample.models), pipeline.augment.k or pipeline.sample.k
        words = [f"RFT k={k}" if models == 1 else f"pooled RFT k={k} of {models} models"]
        kinds = ["rft" if models == 1 else "pooled"]
    if pipeline.select is not None and not is_less_data(pipeline):
        early = " before sampling" if pipeline.select.before_augment and pipeline.augment is not None else ""
        words.append(f"{pipeline.select.method} {pipeline.select.budget}{early}")
        kinds.append("select")
    mask = pipeline.train.mask
    if mask is not None:
        words.append(f"mask {mask.ratio:g}")
        kinds.append("mask")
    kinds = kinds[1:] if kinds[0] == "sft" and len(kinds) > 1 else kinds
    return " + ".join(words), kinds[0] if len(kinds) == 1 else "combined"


def is_less_data(pipeline: Pipeline) -> bool:
    """Say whether a selection only makes the labelled data fewer: at random, and before anything is added."""
    select = pipeline.select
    return (
        select is not None
        and select.method == "random"
        and (pipeline.augment is None or select.before_augment)
    )


def planned_rows(pipeline: Pipeline, of_source: float) -> float:
    """Say how many labelled rows a pipeline starts from, when its source has so many."""
    if not is_less_data(pipeline):
        return of_source
    assert pipeline.select is not None
    budget = Budget.parse(pipeline.select.budget)
    if budget.unit is Unit.PERCENT:
        return float(round(of_source * float(budget.amount) / 100))
    return min(of_source, float(budget.amount)) if budget.unit is Unit.ROWS else of_source


def samples_of(pipeline: Pipeline) -> int | None:
    """Say how many samples of a question are used, over all models."""
    if pipeline.augment is None or pipeline.sample is None:
        return None
    return (pipeline.augment.k or pipeline.sample.k) * len(pipeline.sample.models)


TRAINING = "train."


@dataclass(frozen=True)
class Apart:
    """What else sets a pipeline apart from most of its group, in words."""

    words: str = ""
    only_training: bool = True
    """Whether it differs in nothing but how it trains: more steps, another rate."""

    def kind(self, of_method: str) -> str:
        """Say what sort of method that makes it: training otherwise is one, other data is none."""
        if not self.words:
            return of_method
        if not self.only_training:
            return "other"
        return "train" if of_method == "sft" else of_method


def suffixes(pipelines: Sequence[tuple[tuple[str, float], Pipeline]]) -> list[Apart]:
    """Name what else sets each pipeline apart from most others of its base.

    Each comes with its base and its amount of data. Training may change with the amount of data (as many
    epochs are more steps), so that is compared among those of one amount.
    """
    settings = [dict(_flat(pipeline.model_dump(mode="json"))) for _, pipeline in pipelines]
    of_base: dict[str, list[Mapping[str, str]]] = {}
    alike: dict[tuple[str, float], list[Mapping[str, str]]] = {}
    for (group, _), mine in zip(pipelines, settings, strict=True):
        of_base.setdefault(group[0], []).append(mine)
        alike.setdefault(group, []).append(mine)
    usual = {model: _usual(those) for model, those in of_base.items()}
    trained = {group: _usual(those) for group, those in alike.items()}
    return [
        _apart(mine, usual[group[0]], trained[group])
        for (group, _), mine in zip(pipelines, settings, strict=True)
    ]


def _apart(mine: Mapping[str, str], usual: Mapping[str, str], trained: Mapping[str, str]) -> Apart:
    odd = {
        key: value
        for key, value in mine.items()
        if value != (trained if key.startswith(TRAINING) else usual).get(key)
    }
    words = "".join(f", {key.rpartition('.')[2]}={_shown(value)}" for key, value in odd.items())
    return Apart(words, all(key.startswith(TRAINING) for key in odd))


def _usual(settings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Find the most frequent value of every setting, the first one among equals."""
    keys = dict.fromkeys(key for one in settings for key in one)
    found = {}
    for key in keys:
        # Only pipelines that augment have settings of that stage to differ in.
        able = [one for one in settings if key in one or not key.startswith("augment.")]
        found[key] = Counter(one.get(key, "null") for one in able).most_common(1)[0][0]
    return found


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Write nested settings as dotted ones, those apart that are named elsewhere."""
    for key, value in tree.items():
        dotted = f"{above}{key}"
        if any(dotted == name.rstrip(".") or dotted.startswith(f"{name.rstrip('.')}.") for name in NAMED):
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{dotted}.")
        elif value is not None:
            yield dotted, json.dumps(value, sort_keys=True)


def _shown(value: str) -> str:
    return value.strip('"')
