"""Which combination is best, whether gains add, what order matters: in sentences made from a Run's effects.

Every sentence is chosen by the numbers that it quotes. Nothing is called a gain whose interval holds zero,
and where many questions are asked at once the sentence says how many answers would hold if all are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cotmill.core.factors import BASELINE
from cotmill.report.crossed import Crossed, Effect, Spent, crossed, spent
from cotmill.report.findings import ONE_SEED
from cotmill.report.read import LoadedRun, variant_name
from cotmill.report.text import count, joined, percent, points, visible

MOST_NAMED = 5
"""Arms that a sentence lists before it counts the rest."""


def conclusions(run: LoadedRun) -> tuple[str, ...]:
    """Say what a Run found about its factors, on every test; empty where it has none."""
    costs = spent(run)
    return tuple(sentence for one in crossed(run) for sentence in sentences(one, costs))


def sentences(one: Crossed, costs: Mapping[str, Spent]) -> Iterator[str]:
    """Answer for one test: the best arm, what levels bring, whether gains add, further questions, cost."""
    yield _about_best(one)
    if one.of("main"):
        yield _about_levels(one)
    if one.of("interaction"):
        yield _about_interactions(one)
    if one.of("beyond"):
        yield _about_sums(one)
    yield from (_about_declared(effect) for effect in one.of("declared"))
    yield from _about_cost(one, costs)


def place_of(one: Crossed) -> str:
    """Name the test and the grid point."""
    return visible(variant_name(one.test, one.grid))


def _about_best(one: Crossed) -> str:
    best = one.best
    head = (
        f"On {place_of(one)}, “{visible(best.arm)}” has the highest mean of {len(one.means)} arms, "
        f"{percent(best.mean)}"
    )
    if best.over_baseline is None:
        text = f"{head}." if best.arm != BASELINE else f"{head}: no arm has a higher one than the baseline."
    else:
        value, low, high = best.over_baseline
        held = "" if low > 0 else ", which may be nothing"
        text = (
            f"{head}: {points(value)} points over the baseline{held} ({percent(best.level)} interval, as "
            "wide "
            f"as choosing among {len(one.means)} asks for: {points(low)} to {points(high)})."
        )
    again = best.firsts.get(best.arm, 0.0)
    text += f" With seeds and questions drawn anew it comes first in {percent(again)} of draws"
    if best.not_apart:
        text += f"; {_listed(best.not_apart)} cannot be told apart from it."
    else:
        text += ", and every other arm can be told apart from it."
    return f"{text} {count(one.items)} questions, {one.seeds} seed{'s' if one.seeds > 1 else ''}." + (
        ONE_SEED if one.seeds == 1 else ""
    )


def _listed(arms: Sequence[str]) -> str:
    named = [f"“{visible(arm)}”" for arm in arms[:MOST_NAMED]]
    more = len(arms) - len(named)
    return joined([*named, f"{more} other{'s' if more > 1 else ''}"] if more else named)


def _about_levels(one: Crossed) -> str:
    found = one.of("main")
    parts = []
    for sign, word in ((1, "better"), (-1, "worse")):
        those = [effect for effect in found if effect.sign == sign]
        if those:
            parts.append(f"{word} with {joined([_quoted(effect) for effect in those])}")
    if open_ := [effect for effect in found if not effect.sign]:
        parts.append(f"not told apart with {joined([_quoted(effect) for effect in open_])}")
    return f"Averaged over all other factors, answers are {'; '.join(parts)}."


def _quoted(effect: Effect) -> str:
    return f"“{visible(effect.name)}” {points(effect.value)} ({points(effect.low)} to {points(effect.high)})"


def _about_interactions(one: Crossed) -> str:
    found = one.of("interaction")
    apart = [effect for effect in found if effect.sign]
    standing = [effect for effect in apart if effect.stands]
    have = "has" if len(apart) == 1 else "have"
    head = f"Of {len(found)} interactions {len(apart)} {have} an interval without zero"
    if not standing:
        chance = len(found) / 20
        return (
            f"{head} (about {chance:.0f} would by chance), and none holds when all are counted (Holm): "
            "nothing here says that what one factor brings depends on another."
        )
    return (
        f"{head}; when all are counted (Holm), {joined([_quoted(effect) for effect in standing])} "
        f"{'holds' if len(standing) == 1 else 'hold'}: there, what one brings depends on the other."
    )


def _about_sums(one: Crossed) -> str:
    """Say of the best combination, and of all, whether they bring what their parts bring alone."""
    found = one.of("beyond")
    more, less = (sum(effect.sign == sign for effect in found) for sign in (1, -1))
    widest = max((effect.high - effect.low) / 2 for effect in found)
    text = (
        f"Do gains add? Of {len(found)} combinations {more} bring more than their parts do alone in sum, "
        f"{less} less, and {len(found) - more - less} cannot be told from the sum (seen would be departures "
        "of "
        f"about {points(widest).lstrip('+')} points and more)."
    )
    own, together = one.find("beyond", one.best.arm), one.find("together", one.best.arm)
    if own is None or together is None:
        return text
    verdict = {1: "more than the sum", -1: "less than the sum", 0: "not told from the sum"}[own.sign]
    return (
        f"{text} “{visible(own.name)}” brings {points(together.value)}, its parts alone "
        f"{points(together.value - own.value)}: {points(own.value)} "
        f"({points(own.low)} to {points(own.high)}), {verdict}."
    )


def _about_declared(effect: Effect) -> str:
    found = {1: "better", -1: "worse", 0: "not told apart"}[effect.sign]
    ends = f"{points(effect.low)} to {points(effect.high)}"
    return f"{visible(effect.name)}: {points(effect.value)} points ({ends}), {found}."


def _about_cost(one: Crossed, costs: Mapping[str, Spent]) -> Iterator[str]:
    """Compare operations with the baseline's, and name the cheapest arm among those that may be the best."""
    base = costs.get(variant_name(BASELINE, one.grid))
    best = one.best
    arms = {arm: costs[name] for arm in one.means if (name := variant_name(arm, one.grid)) in costs}
    if base is None or not base.operations or best.arm not in arms:
        return
    may_be = [arm for arm in (best.arm, *best.not_apart) if arm in arms]
    cheapest = min(may_be, key=lambda arm: arms[arm].operations)
    text = (
        f"“{visible(best.arm)}” took {_times(arms[best.arm], base)} the operations of the baseline, "
        "everything it rests on counted"
    )
    if cheapest == best.arm:
        yield f"{text}; no cheaper arm does as well as far as this can tell."
        return
    yield (
        f"{text}; the cheapest arm that cannot be told apart from it is “{visible(cheapest)}”, at "
        f"{_times(arms[cheapest], base)}."
    )


def _times(cost: Spent, base: Spent) -> str:
    return f"{cost.operations / base.operations:.1f} times"
