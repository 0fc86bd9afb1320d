"""What was done, in words, from the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotmill.core.factors import arms_of
from cotmill.report.parts import Table
from cotmill.report.read import LoadedRun
from cotmill.report.text import clipped, count, joined, number, visible

_LONGEST = 400


def description(run: LoadedRun) -> tuple[tuple[str, str], ...]:
    """Say what the Run did as pairs of a heading and a sentence."""
    recipe = run.recipe
    pairs = [
        ("Data", _data(recipe.get("data"))),
        ("Model", visible(recipe.get("model") or "")),
        ("Measured with", _proxy(recipe)),
        ("Sampling", _select(recipe.get("sample"))),
        ("Augmenting", _select(recipe.get("augment"))),
        ("Selection", _select(recipe.get("select"))),
        ("Fine-tuning", settings(recipe.get("train"))),
        ("Evaluation", _evaluation(recipe.get("evaluate"))),
        ("Probed with", _source(recipe.get("probe"))),
        ("Arms", _arms(run)),
        ("Grid", settings(recipe.get("grid"))),
        ("Seeds", _seeds(recipe.get("seeds"))),
        *((key.replace("_", " ").capitalize(), settings(recipe[key])) for key in recipe if key not in _KNOWN),
    ]
    return tuple((head, text) for head, text in pairs if text)


_KNOWN = frozenset((
    "name", "about", "data", "model", "proxy", "sample", "augment", "select", "train", "evaluate", "probe",
    "arms", "grid", "seeds", "compare_to", "factors", "contrasts",
))  # fmt: skip


def settings(value: Any) -> str:
    """Write a part of a recipe as "key value, key value"; what is null is left out.

    >>> settings({"steps": 300, "learning_rate": 0.001, "lora": None})
    'steps 300, learning rate 0.001'
    """
    if value is None or value == {} or value == []:
        return ""
    return clipped(_flat(value), _LONGEST)


def _flat(value: Any, null: str = "") -> str:
    """Write a tree on one line; what is null is left out, or called by a word where there is one for it."""
    if value is None:
        return null
    if isinstance(value, Mapping):
        parts = ((str(key).replace("_", " "), part) for key, part in value.items())
        return ", ".join(
            f"{key} ({_flat(part, null)})" if isinstance(part, Mapping) else f"{key} {_flat(part, null)}"
            for key, part in parts
            if part is not None or null
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " / ".join(_flat(part, null) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value)


def _data(data: Any) -> str:
    """Say where the rows came from."""
    if not isinstance(data, Mapping):
        return settings(data)
    told = [
        f"{visible(name)}: {_source(source)}" for name, source in data.items() if isinstance(source, Mapping)
    ]
    rest = settings({name: value for name, value in data.items() if not isinstance(value, Mapping)})
    return "; ".join([*told, *([rest] if rest else [])])


def _source(source: Any) -> str:
    """Say in words what one pool or one test is made of."""
    if not isinstance(source, Mapping):
        return settings(source)
    rest = {key: value for key, value in source.items() if key not in ("lab", "file", "benchmark")}
    if isinstance(source.get("lab"), Mapping):
        head = f"problems from the embedded lab ({settings(source['lab'])})"
    elif source.get("file"):
        head = f"the file {visible(source['file'])}"
    elif source.get("benchmark"):
        head = f"the benchmark {visible(source['benchmark'])}"
    else:
        return settings(source)
    return head + (f", {settings(rest)}" if settings(rest) else "")


def _proxy(recipe: Mapping[str, Any]) -> str:
    proxy = recipe.get("proxy")
    if not isinstance(proxy, Mapping):
        return visible(proxy or recipe.get("model") or "")
    model = proxy.get("model") or recipe.get("model") or ""
    rest = settings({key: value for key, value in proxy.items() if key != "model"})
    return visible(model) + (f", {rest}" if rest else "")


def _select(select: Any) -> str:
    return "" if not select else f"{settings(select)}, where an arm does not say otherwise"


def _evaluation(evaluate: Any) -> str:
    if not isinstance(evaluate, Mapping):
        return settings(evaluate)
    tests = "; ".join(
        f"{visible(name)}: {_source(source)}" for name, source in (evaluate.get("tests") or {}).items()
    )
    rest = settings({key: value for key, value in evaluate.items() if key != "tests"})
    return f"{tests}. Settings: {rest}." if rest and tests else tests or rest


def _arms(run: LoadedRun) -> str:
    arms = arms_of(run.recipe)
    if len(arms) < 2:
        return ""
    against = f", each compared to “{visible(run.compare_to)}”" if run.compare_to else ""
    return f"{count(len(arms))} arms{against}; they differ in nothing but what the table says."


def _seeds(seeds: Any) -> str:
    if not isinstance(seeds, Sequence) or not seeds:
        return settings(seeds)
    listed = joined([str(seed) for seed in seeds])
    if len(seeds) == 1:
        return f"{listed}: one seed, so nothing here says how much a repetition would differ."
    return f"{listed}: every arm was selected, trained and evaluated anew with each."


def arms_table(run: LoadedRun) -> Table | None:
    """Tabulate what makes each arm different."""
    arms = arms_of(run.recipe)
    if not arms:
        return None
    rows = tuple((visible(name), _changes(parts)) for name, parts in arms.items())
    strong = frozenset(place for place, name in enumerate(arms) if name == run.compare_to)
    return Table(
        "What each arm changes", ("Arm", "Change to the recipe"), rows, frozenset({0, 1}), strong=strong
    )


def _changes(parts: Sequence[Mapping[str, Any]]) -> str:
    """Write what the parts of an arm change, one after the other."""
    told = [text for text in (_flat(part, null="none") for part in parts) if text]
    return clipped("; ".join(told), _LONGEST) or "the recipe as it stands"
