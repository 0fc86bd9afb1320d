"""The page of evidence, in Markdown: every claim, its setting, our result, the verdict and the command.

A function of the file of claims and of the small result files; what did not come out has the same room as
what did, and what was not tested stands between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cotmill.report.claims import VERDICTS as ORDER
from cotmill.report.claims import Claim, Claims, Result, Setting, Verdict, overall, verdicts_of
from cotmill.report.text import count, joined, signed

Results = Mapping[str, Mapping[str, Any]]
"""Recipe → what its Run says (`claim_results.results_of`)."""
RULES = {
    "above": "reproduced if the interval is above zero",
    "below": "reproduced if the interval is below zero",
    "not below": "reproduced if the interval is above {low}",
    "not above": "reproduced if the interval is below {high}",
    "no change": "reproduced if the interval lies between {low} and {high}",
}
_HEAD = """\
# Evidence

What four papers claim, and what came of it here. Made by `python docs/evidence.py`; a test compares this page
with what that makes. The claims and their rules are in `docs/evidence/claims.yaml`, the results of Runs in
`docs/evidence/results/`: `python docs/evidence.py --add RUN` takes them from a finished Run of a recipe that
is named below, and `--todo` lists those that have none.

The verdict is read off a 95 % interval by the rule that stands beside it, so nobody decides it by hand. The
intervals are paired by question and seed and speak of new questions and new seeds. **Not reproduced** means
that the interval holds both what the paper says and its absence; **opposite**, that it leaves out what the
paper says. Where one claim is tested in several settings, each has its own verdict. One interval in twenty is
wrong by chance.

The lab is not language: its problems are generated and its models have a quarter to three million parameters
([limitations](limitations.md)). A verdict here speaks of the mechanism, not of the paper's own models.
"""


def evidence_page(claims: Claims, results: Results) -> str:
    """Write the whole page."""
    told = {
        recipe: [Result.model_validate(one) for one in found["results"]] for recipe, found in results.items()
    }
    judged = {claim.id: verdicts_of(claim, told) for claim in claims.claims}
    parts = [_HEAD, *_summary(claims, judged), *_failures(claims, judged)]
    for name, paper in claims.papers.items():
        parts += [f"## {paper.title}\n", f"{paper.where}. {paper.marks}\n"]
        for claim in claims.claims:
            if claim.paper == name:
                parts += _claim(claim, judged[claim.id], results)
    parts += _whole_system(results)
    parts += _runs(claims, results)
    return "\n".join(parts).rstrip() + "\n"


Judged = Mapping[str, Sequence[tuple[Setting, Result, Verdict]]]


def _summary(claims: Claims, judged: Judged) -> Iterator[str]:
    """Count verdicts by paper, and list every claim with its own."""
    yield "## Summary\n"
    yield "Settings by verdict; a claim that was not tested counts once.\n"
    yield f"| paper | {' | '.join(ORDER)} |"
    yield "|---|" + "--:|" * len(ORDER)
    for name, paper in claims.papers.items():
        counts = [overall(claim, list(judged[claim.id])) for claim in claims.claims if claim.paper == name]
        sums = [sum(one.get(verdict, 0) for one in counts) for verdict in ORDER]
        yield f"| {paper.title.partition(':')[0]} | {' | '.join(str(one) for one in sums)} |"
    yield "\n| claim | verdict |\n|---|---|"
    for claim in claims.claims:
        yield f"| [{claim.says}](#{claim.id}) | {_overall(claim, judged)} |"
    yield ""


def _overall(claim: Claim, judged: Judged) -> str:
    """Say a claim's verdict, or how many of its settings have which."""
    found = overall(claim, list(judged[claim.id]))
    total = sum(found.values())
    if len(found) == 1:
        (verdict,) = found
        return (
            verdict if total == 1 or verdict not in ORDER[:3] else f"{verdict} ({total} of {total} settings)"
        )
    return ", ".join(f"{verdict} in {number} of {total} settings" for verdict, number in found.items())


def _failures(claims: Claims, judged: Judged) -> Iterator[str]:
    """Collect what did not come out as the paper says, with the numbers."""
    yield "## What did not come out\n"
    lines = [
        f"- [{claim.says}](#{claim.id}) {_where(setting, result)}: {_numbers(setting, result)}: "
        f"**{verdict}**."
        for claim in claims.claims
        for setting, result, verdict in judged[claim.id]
        if verdict != "reproduced"
    ]
    yield from lines or ["Nothing yet: no result that is here fails its rule."]
    waiting = [claim for claim in claims.claims if not judged[claim.id]]
    of = f"{count(len(waiting))} of {count(len(claims.claims))}"
    yield f"\nNot tested, or not testable here: {of} claims.\n"


def _claim(claim: Claim, found: Sequence[tuple[Setting, Result, Verdict]], results: Results) -> Iterator[str]:
    """Write one claim: what the paper says, what we found, and how to find it again."""
    yield f'<a id="{claim.id}"></a>\n\n### {claim.says}\n'
    yield f"Paper: {claim.reported}" + (f" ({claim.setting})" if claim.setting else "") + ".\n"
    if claim.untested:
        yield f"**Could not be tested here.** {claim.untested}\n"
        return
    if claim.command:
        yield f"**Not yet tested.** The command: `{claim.command}`\n"
        return
    if found:
        yield "| here | result | arms | seeds, questions | rule | verdict |\n|---|---|---|---|---|---|"
        for setting, result, verdict in found:
            yield _row(setting, result, verdict)
        yield ""
    if claim.remark:
        yield f"{claim.remark}\n"
    yield from _commands(claim, {setting.recipe for setting, _, _ in found}, results)


def _row(setting: Setting, result: Result, verdict: Verdict) -> str:
    arms = ", ".join(f"{name} {_mean(setting, result, value)}" for name, value in result.means.items())
    shown = f"{result.seeds}" + (f", {count(result.items)}" if result.items else "")
    cells = (
        _where(setting, result), _numbers(setting, result), arms, shown, _rule(setting), f"**{verdict}**",
    )  # fmt: skip
    return f"| {' | '.join(_cell(one) for one in cells)} |"


def _cell(text: str) -> str:
    """Keep a table's text inside its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def _where(setting: Setting, result: Result) -> str:
    """Name recipe, test, grid point, and the setting's own note."""
    grid = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in result.grid.items())
    what = setting.counted.unit if setting.counted else result.test
    return "; ".join(part for part in (f"{setting.recipe}, {what}", grid, setting.note) if part)


def _numbers(setting: Setting, result: Result) -> str:
    """Write a difference with its interval: points of a share, or the unit of what was counted."""
    if setting.counted:
        digits = _digits(result)
        value, low, high = (signed(one, digits) for one in (result.difference, result.low, result.high))
        return f"{value} (one seed, no interval)" if result.seeds < 2 else f"{value} ({low} to {high})"
    value, low, high = (signed(100 * one, 1) for one in (result.difference, result.low, result.high))
    return f"{value} points ({low} to {high})"


def _digits(result: Result) -> int:
    """Say how many digits a counted number needs: shares are small."""
    return 2 if max(map(abs, result.means.values()), default=1.0) >= 1 else 3


def _mean(setting: Setting, result: Result, value: float) -> str:
    return f"{value:.{_digits(result)}f}" if setting.counted else f"{100 * value:.1f}"


def _rule(setting: Setting) -> str:
    shown = 100 * setting.margin
    return RULES[setting.expect].format(low=f"−{shown:g}", high=f"+{shown:g}")


def _commands(claim: Claim, done: set[str], results: Results) -> Iterator[str]:
    """Say what to type, and which recipes have not been run."""
    recipes = dict.fromkeys(setting.recipe for setting in claim.tested)
    typed = [f"`{command_of(recipe, results.get(recipe))}`" for recipe in recipes]
    waiting = [recipe for recipe in recipes if recipe not in done]
    text = f"Command{'s' if len(typed) > 1 else ''}: {', '.join(typed)}."
    if waiting and done:
        text += f" Not yet run: {joined(waiting)}."
    yield ("" if done else "**Not yet tested.** ") + text + "\n"


def command_of(recipe: str, found: Mapping[str, Any] | None) -> str:
    """Write the command that makes a recipe's Run as it was made.

    >>> command_of("rft", {"changed": ["sample.k=50"]})
    'cotmill run rft --set sample.k=50'
    """
    changed = (found or {}).get("changed") or ()
    return " ".join([f"cotmill run {recipe}", *(f"--set {_quoted(one)}" for one in changed)])


def _quoted(setting: str) -> str:
    return f"'{setting}'" if set(setting) & set(" []{}$*;&|<>") else setting


def _whole_system(results: Results) -> Iterator[str]:
    """Give the conclusions of recipes that cross factors."""
    for recipe, found in results.items():
        if found["conclusions"]:
            yield f"## All together: {recipe}\n"
            yield from (f"- {sentence}" for sentence in found["conclusions"])
            yield ""


def _runs(claims: Claims, results: Results) -> Iterator[str]:
    """Describe each Run, with every comparison it holds, wanted or not."""
    yield "## The Runs\n"
    if not results:
        yield "None has been added yet: `python docs/evidence.py --add RUN`.\n"
    for recipe, found in results.items():
        versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
        yield f"### {recipe}\n"
        yield f"`{command_of(recipe, found)}`; Run {found['run']}, {len(found['seeds'])} seeds; {versions}.\n"
        if found["edited"]:
            yield f"Changed in the file: {'; '.join(found['edited'])}.\n"
        if found["left_out"]:
            yield f"Arms left out of this Run: {', '.join(found['left_out'])}.\n"
        yield from _comparisons(found["comparisons"])
    waiting = [recipe for recipe in claims.recipes if recipe not in results]
    if waiting:
        yield f"Not yet run: {', '.join(f'`{command_of(recipe, None)}`' for recipe in waiting)}.\n"


def _comparisons(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tabulate every arm against its reference."""
    if not found:
        return
    yield f"<details><summary>All {count(len(found))} comparisons of this Run</summary>\n"
    yield "| arm | against | test | points | 95 % interval |\n|---|---|---|--:|---|"
    for one in found:
        value, low, high = (signed(100 * float(one[name]), 1) for name in ("difference", "low", "high"))
        yield f"| {_cell(one['arm'])} | {_cell(one['against'])} | {one['test']} | {value} | {low} to {high} |"
    yield "\n</details>\n"
