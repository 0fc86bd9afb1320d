"""The section on factors: what each brings, alone and together, at what cost, and which arm is best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from cotmill.report import draw
from cotmill.report.conclusions import place_of, sentences
from cotmill.report.crossed import Crossed, Effect, Spent, crossed, spent
from cotmill.report.intervals import Interval
from cotmill.report.parts import Csv, Figure, Panel, Section, Table
from cotmill.report.read import LoadedRun, variant_name
from cotmill.report.scores import scaled
from cotmill.report.svg import drawing
from cotmill.report.text import count, percent, points, seconds, visible

DRAWN = ("main", "interaction", "declared")
NAMES = {
    "main": "averaged over the rest", "interaction": "interaction", "alone": "alone",
    "together": "together", "beyond": "beyond the sum of its parts", "declared": "asked besides",
}  # fmt: skip
_HOW = (
    "Every combination of the factors’ levels was trained with the same seeds and asked the same questions, "
    "so "
    "each number is a weighted sum of arms taken question by question. “Averaged over the rest”: a level "
    "minus "
    "the first one of its factor, over all combinations of the other factors. “Interaction”: how much one "
    "level "
    "adds to what another brings. “Beyond the sum”: what a combination brings minus what its parts bring "
    "alone. "
    "Intervals are 95 % and speak of new seeds and questions; p (Holm) counts all main effects and "
    "interactions "
    "of a test."
)


def factorial_section(run: LoadedRun, prefix: str) -> Section | None:
    """Build the section on factors; only a Run whose recipe has some has one."""
    found = crossed(run)
    if not found:
        return None
    costs = spent(run)
    text = (_HOW, *(sentence for one in found for sentence in sentences(one, costs)))
    tables = [table for one in found for table in (_effects_table(one), _arms_table(one, costs)) if table]
    folded = [table for one in found if (table := _sums_table(one))]
    return Section(
        "factors", "What each factor brings", text, (_figure(found, prefix),), tuple(tables), tuple(folded)
    )


def _figure(found: Sequence[Crossed], prefix: str) -> Figure:
    panels = tuple(
        _panel(one, f"{prefix}-factors-{place}") for place, one in enumerate(found) if one.of(*DRAWN)
    )
    header = (
        "test", "grid", "kind", "name", "difference", "low", "high", "p", "p_adjusted", "seeds", "items",
    )  # fmt: skip
    rows = tuple(
        (
            one.test, variant_name("", one.grid), effect.kind, effect.name, effect.value, effect.low,
            effect.high, effect.p_value, effect.p_adjusted, one.seeds, one.items,
        )
        for one in found
        for effect in one.effects
    )  # fmt: skip
    caption = "What levels bring on average, and their interactions, in points. Hollow: not told apart."
    return Figure("factors", caption, panels, Csv("factors", header, rows))


def _panel(one: Crossed, name: str) -> Panel:
    shown = one.of(*DRAWN)
    rows = [
        draw.Whisker(
            effect.name, scaled(Interval(effect.value, effect.low, effect.high)), points(effect.value), (),
            {1: "c3", -1: "c6", 0: "muted"}[effect.sign], not effect.sign,
        )
        for effect in shown
    ]  # fmt: skip
    about = "; ".join(
        f"{effect.name}: {points(effect.value)}, {points(effect.low)} to {points(effect.high)}"
        for effect in shown
    )
    paint = partial(draw.whiskers, rows=rows, label="points of accuracy", reference=0.0)
    svg = drawing(name, f"Effects on {place_of(one)}", about, draw.rows_height(len(rows)), paint)
    return Panel(place_of(one), svg)


def _effects_table(one: Crossed) -> Table | None:
    shown = one.of(*DRAWN)
    if not shown:
        return None
    rows = tuple(
        (
            visible(effect.name),
            NAMES[effect.kind],
            *_numbers(effect),
            _p(effect.p_value),
            _p(effect.p_adjusted),
        )
        for effect in shown
    )
    columns = ("What", "Kind", "Points", "95 % interval", "p", "p (Holm)")
    note = f"{count(one.seeds)} seeds, {count(one.items)} questions."
    return Table(f"Effects on {place_of(one)}", columns, rows, frozenset({0, 1}), note)


def _numbers(effect: Effect) -> tuple[str, str]:
    return points(effect.value), f"{points(effect.low)}\u00a0to\u00a0{points(effect.high)}"


def _p(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _arms_table(one: Crossed, costs: Mapping[str, Spent]) -> Table:
    rows, strong = [], set()
    ordered = sorted(one.means, key=lambda arm: -one.means[arm])
    for place, arm in enumerate(ordered):
        cost = costs.get(variant_name(arm, one.grid))
        over = one.find("together", arm) or one.find("alone", arm)
        if arm == one.best.arm:
            strong.add(place)
        rows.append((
            visible(arm), f"{100 * one.means[arm]:.1f}", *(_numbers(over) if over else ("", "")),
            percent(one.best.firsts.get(arm, 0.0)), *_cost(cost),
        ))  # fmt: skip
    columns = (
        "Arm", "Mean, %", "Over baseline, points", "95 % interval", "First in draws", "Tokens, thousands",
        "Operations, 10⁹",
    )  # fmt: skip
    return Table(
        f"Arms on {place_of(one)} and what they took",
        columns,
        tuple(rows),
        note=_note(one, costs),
        strong=frozenset(strong),
    )


def _cost(cost: Spent | None) -> tuple[str, str]:
    if cost is None:
        return "", ""
    return f"{count(cost.tokens / 1e3)}{'' if cost.counted else ' *'}", f"{count(cost.operations / 1e9)}"


def times_table(run: LoadedRun) -> Table | None:
    """Tabulate how long each arm took; apart from the section, since it differs when a Run is made again."""
    found = {name: cost.seconds for name, cost in spent(run).items() if cost.seconds is not None}
    if not found:
        return None
    rows = tuple((visible(name), seconds(took)) for name, took in found.items())
    note = (
        "Mean over seeds; a step that arms share is counted for each, asking the tests is left out. As busy "
        "as "
        "the machine was."
    )
    return Table("Time of all that each arm’s model rests on", ("Arm", "Time"), rows, note=note)


def _note(one: Crossed, costs: Mapping[str, Spent]) -> str:
    note = (
        "What an arm took is all that its model rests on (proxies, samplers, samples, measurements), a step "
        "that arms share counted for each, asking the tests left out; means over seeds."
    )
    guessed = any(
        not costs[name].counted for arm in one.means if (name := variant_name(arm, one.grid)) in costs
    )
    return note + (
        " *: in part the plan’s estimate, since measurements do not count tokens." if guessed else ""
    )


def _sums_table(one: Crossed) -> Table | None:
    rows = tuple(_sums(one))
    columns = (
        "Combination",
        "Together, points",
        "Its parts alone, in sum",
        "Beyond the sum",
        "95 % interval",
        "p",
    )
    return Table(f"Do gains add on {place_of(one)}?", columns, rows) if rows else None


def _sums(one: Crossed) -> Iterator[tuple[str, ...]]:
    for effect in one.of("beyond"):
        together = one.find("together", effect.name)
        if together is not None:
            alone = together.value - effect.value
            yield (
                visible(effect.name),
                points(together.value),
                points(alone),
                *_numbers(effect),
                _p(effect.p_value),
            )
