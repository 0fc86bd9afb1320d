"""What `cotmill measure influence` does around the measuring: queries, the gate, what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cotmill.core.errors import RecipeError

if TYPE_CHECKING:
    from cotmill.data.pool import Pool
    from cotmill.evidence import Influence
    from cotmill.measure.influence.config import InfluenceConfig
    from cotmill.model.load import LanguageModel
    from cotmill.select import InfluencePruning

SHOWN = 3
"""Most and least helpful rows that are shown."""
KEPT = (0.75, 0.5)


def config_of(**told: Any) -> InfluenceConfig:
    """Check the options together."""
    from pydantic import ValidationError

    from cotmill.measure.influence.config import InfluenceConfig

    try:
        return InfluenceConfig(**told)
    except ValidationError as error:
        first = error.errors()[0]
        name = "-".join(str(step) for step in first["loc"][:1])
        raise RecipeError(f"--{name}: {first['msg']}, not {first['input']!r}") from error


def queries_of(
    lm: LanguageModel,
    queries: str | None,
    base: str | None,
    items: Sequence[Path],
    work: Path,
    *,
    told: Mapping[str, Any],
    asking: Mapping[str, Any],
) -> Pool:
    """Read the queries, or make them of two evaluations, which are made first where they are not given."""
    from cotmill.data.read import read_pool
    from cotmill.measure.influence.queries import warnings_about

    if items:
        found = _of_items(items, queries, told)
    elif queries is None:
        raise RecipeError(
            "name the queries: --queries SET with --base MODEL, --queries FILE, or --items twice"
        )
    elif base is None:
        found = read_pool(queries)
        if "group" not in found.columns:
            raise RecipeError(
                f"{queries} has no column group; add one (correct, incorrect), or name the model before "
                "fine-tuning with --base so that the questions that flipped can be found"
            )
    else:
        found = _of_questions(lm, queries, base, work, told, asking)
    for warning in warnings_about(found):
        typer.echo(f"warning: {warning}")
    return found


def _of_items(items: Sequence[Path], solutions: str | None, told: Mapping[str, Any]) -> Pool:
    from cotmill.data.read import read_pool
    from cotmill.evaluate.items import read_items

    if len(items) != 2:
        raise RecipeError(f"--items was given {len(items)} times; give it twice: of the base, of the model")
    solved = None if solutions is None else read_pool(solutions)
    return _made(read_items(items[0]), read_items(items[1]), told, solved)


def _of_questions(
    lm: LanguageModel,
    name: str,
    base: str,
    work: Path,
    told: Mapping[str, Any],
    asking: Mapping[str, Any],
) -> Pool:
    """Ask both models the validation set."""
    from cotmill.evaluate.benchmarks import benchmark
    from cotmill.evaluate.config import EvalConfig
    from cotmill.evaluate.run import evaluate
    from cotmill.model.load import load

    asked = benchmark(name, None, metric=None)
    typer.echo(
        f"asking both models {len(asked.pool):,} questions of {name}; it is a validation set now: results on "
        "it are no test results"
    )
    config = EvalConfig(**asking)
    before = evaluate(load(base), asked, out=work / "base", config=config)
    after = evaluate(lm, asked, out=work / "tuned", config=config)
    return _made(before.items(), after.items(), told, asked.pool)


def _made(base: Any, tuned: Any, told: Mapping[str, Any], solutions: Pool | None) -> Pool:
    from pydantic import ValidationError

    from cotmill.measure.influence.config import QueryConfig
    from cotmill.measure.influence.queries import make_queries

    try:
        config = QueryConfig(**told)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"--{first['loc'][0]}: {first['msg']}, not {first['input']!r}") from error
    pool, flips = make_queries(base, tuned, config, solutions=solutions)
    typer.echo(
        f"{flips.questions:,} questions: {flips.gained:,} became right, {flips.lost:,} became wrong, "
        f"{flips.kept_right:,} stayed right, {flips.kept_wrong:,} stayed wrong"
    )
    return pool


def second_stage(
    lm: LanguageModel,
    pool: Pool,
    queries: Pool,
    found: Influence,
    config: InfluenceConfig,
    kept: str,
    work: Path,
) -> Influence:
    """Rank the rows that are undecided at a budget by single queries."""
    import numpy as np

    from cotmill.core.ids import order_keys
    from cotmill.measure.influence.band import with_exact_ranks
    from cotmill.select.bands import bands
    from cotmill.select.budget import Budget

    share = Budget.parse(kept).rows_of(len(pool)) / len(pool)
    fit = ~found.unmeasured
    known = found.at(np.flatnonzero(fit))
    measured = bands(_method(found).dropping, known, order_keys(0, known.row_ids), 0)
    undecided = np.zeros(len(found), dtype=bool)
    undecided[fit] = measured.verdicts(share) == 0
    typer.echo(f"{int(undecided.sum()):,} rows are undecided when {kept} are kept; ranked by single queries")
    return with_exact_ranks(lm, pool, queries, found, undecided, config, work=work / "band", say=typer.echo)


def _method(found: Influence) -> InfluencePruning:
    """The pruning that the groups which are there allow."""
    from cotmill.evidence.influence import GROUPS
    from cotmill.select.influence import InfluencePruning

    told = [group for group in GROUPS if found.parts(group).shape[1]]
    return InfluencePruning.model_validate({"strategy": "combined" if len(told) == 2 else told[0]})


def gate(  # noqa: PLR0913 - the scores, what they are of, and what the test may cost
    lm: LanguageModel,
    pool: Pool,
    queries: Pool,
    found: Influence,
    base: str | None,
    work: Path,
    *,
    pairs: int,
    retrain: int,
    steps: int,
) -> Influence:
    """Put the scores to the test, and say what came of it."""
    from cotmill.measure.influence.config import GateConfig
    from cotmill.measure.influence.gate import group_lds, judged, tail_patch
    from cotmill.model.load import load
    from cotmill.train.config import TrainConfig
    from cotmill.train.sft import train

    config = GateConfig(pairs=pairs, subsets=retrain)
    findings = tail_patch(lm, pool, queries, found, config)
    if retrain:
        if base is None:
            raise RecipeError("retraining starts from the model before fine-tuning; name it with --base")

        def again(part: Pool, number: int) -> LanguageModel:
            place = work / f"retrained-{number:03d}"
            train(str(base), part, TrainConfig(steps=steps, empty_rows="leave out"), out=place, seed=number)
            return load(str(place))

        findings += group_lds(pool, queries, found, again, config)
    for finding in findings:
        typer.echo(f"gate: {finding}")
    return judged(found, findings)


def show(found: Influence) -> None:
    """Say whether to prune by this, and how sure it would be."""
    from cotmill.core.ids import order_keys
    from cotmill.select.bands import undecided_at

    if found.gate == "failed":
        typer.echo(
            "the scores FAILED their validity gate: they do not foretell what training does here, so no "
            "pruning is recommended"
        )
        return
    method = _method(found)
    undecided = undecided_at(method.dropping, found, order_keys(0, found.row_ids), KEPT, 0)
    words = ", ".join(f"{count:,} when {share} are kept" for share, count in undecided.items())
    typer.echo(f"gate {found.gate}; of {len(found):,} rows undecided ({method.strategy}): {words}")
