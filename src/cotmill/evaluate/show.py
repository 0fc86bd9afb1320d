"""Numbers of an evaluation and of a comparison as lines of text, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cotmill.evaluate.compare import Comparison, Flip
from cotmill.evaluate.metrics import Estimate
from cotmill.evaluate.paired import SeedDifference

HEAD = ("", "n", "accuracy", "strict", "no answer", "truncated")
TEXT_SCORES = {"rouge_l": "ROUGE-L", "bleu": "BLEU (mean)", "bertscore": "BERTScore F"}
FLIPS = 5
"""Questions shown of each direction."""
WIDTH = 70


def lines_of(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Write an evaluation: the whole, by group, over samples, against base questions, loss."""
    if metrics.get("metric") == "text":
        yield from _text_lines(metrics)
    elif "accuracy" in metrics:
        rows = [("all", *_cells(metrics))]
        for column, groups in metrics.get("groups", {}).items():
            rows += [(f"{column}: {label}", *_cells(numbers)) for label, numbers in groups.items()]
        yield from aligned([HEAD, *rows])
        if metrics.get("too_long"):
            yield f"{metrics['too_long']:,} questions do not fit into the model; they count as not answered"
        yield from _sample_lines(metrics)
        yield from _robustness_lines(metrics.get("robustness"))
    if "loss" in metrics:
        loss = metrics["loss"]
        value, low, high = (f"{loss[name]:.4f}" for name in ("value", "low", "high"))
        yield f"loss of {loss['n']:,} gold solutions: {value} nats per token [{low}, {high}]"


def _cells(numbers: Mapping[str, Any]) -> tuple[str, ...]:
    items = numbers["items"]
    return (
        f"{numbers['n']:,}",
        percent(numbers["accuracy"]),
        f"{100 * numbers['strict']['value']:.1f} %",
        _share(numbers["no_answer"], items),
        _share(numbers["truncated"], items),
    )


def _share(count: int, items: int) -> str:
    return f"{count:,} ({100 * count / items:.0f} %)" if count else "0"


def percent(estimate: Mapping[str, Any] | Estimate) -> str:
    """Write a share with its interval."""
    found = estimate.as_dict() if isinstance(estimate, Estimate) else estimate
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if value is None:
        return "-"
    bounds = f" [{100 * low:.1f}, {100 * high:.1f}]" if low is not None and high is not None else ""
    return f"{100 * value:.1f} %{bounds}"


def _text_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    names = [name for name in TEXT_SCORES if name in metrics]

    def row(label: str, numbers: Mapping[str, Any]) -> tuple[str, ...]:
        return (label, f"{numbers['n']:,}", *(percent(numbers[name]) for name in names))

    rows = [row("all", metrics)]
    for column, groups in metrics.get("groups", {}).items():
        rows += [row(f"{column}: {label}", numbers) for label, numbers in groups.items()]
    yield from aligned([("", "n", *(TEXT_SCORES[name] for name in names)), *rows])
    yield f"corpus BLEU: {100 * metrics['corpus_bleu']:.1f}; truncated: {metrics['truncated']:,}"


def _sample_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    if "pass_at" in metrics:
        samples = metrics["samples"]
        yield f"{samples} samples a question; accuracy above is their mean (avg@{samples})"
        rows = [
            (f"k = {k}", percent(metrics["pass_at"][k]), percent(metrics["maj_at"][k]))
            for k in metrics["pass_at"]
        ]
        yield from aligned([("", "pass@k", "maj@k"), *rows])


def _robustness_lines(found: Mapping[str, Any] | None) -> Iterator[str]:
    if not found:
        return
    yield f"against their {found['base_questions']:,} base questions:"
    names = ("base", "micro", "macro", "normalised_micro", "normalised_macro", "drop")
    yield from aligned([(name.replace("_", " "), percent(found[name])) for name in names if name in found])


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align columns; the first to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def comparison_lines(found: Comparison, names: tuple[str, str] = ("a", "b")) -> Iterator[str]:
    """Write a comparison in words and numbers."""
    alone = f"; left out: {found.only_a:,} only in {names[0]}, {found.only_b:,} only in {names[1]}"
    alone = alone if found.only_a or found.only_b else ""
    yield f"{found.benchmark}: {found.questions:,} questions in both{alone}"
    yield from aligned(
        [
            (names[0], percent(found.a)),
            (names[1], percent(found.b)),
            ("difference", percent(found.difference)),
        ]
    )
    if found.mcnemar:
        test = found.mcnemar
        yield f"both right {test.both_right:,}, both wrong {test.both_wrong:,}"
        alone = f"only {names[0]} right {test.only_a:,}, only {names[1]} right {test.only_b:,}"
        yield f"{alone}; McNemar's exact p = {test.p_value:.3g}"
    better = names[1] if found.difference.value > 0 else names[0]
    yield f"{better} is better" if found.decided else "the difference is within chance at 95 %"
    lost = [flip for flip in found.flips if flip.gain < 0]
    won = [flip for flip in reversed(found.flips) if flip.gain > 0]
    yield from _flip_lines(f"{names[1]} lost", lost)
    yield from _flip_lines(f"{names[1]} gained", won)


def _flip_lines(title: str, flips: Sequence[Flip]) -> Iterator[str]:
    if flips:
        yield f"{title} {len(flips):,}" + (f", the first {FLIPS}:" if len(flips) > FLIPS else ":")
    for flip in flips[:FLIPS]:
        question = " ".join(flip.question.split())
        question = question if len(question) <= WIDTH else question[: WIDTH - 1] + "…"
        yield f"  {question}  gold {flip.gold}: {flip.answer_a} → {flip.answer_b}"


def seed_lines(found: SeedDifference, names: tuple[str, str]) -> Iterator[str]:
    """Write a comparison over seeds."""
    if len(found.seeds) == 1:
        yield f"one seed in both ({found.seeds[0]}): how much seeds differ is not known"
        return
    seeds = ", ".join(map(str, found.seeds))
    difference = percent(found.difference)
    yield f"over {len(found.seeds)} seeds ({seeds}), paired: {difference}, p = {found.p_value:.3g}"
    for name, alone in zip(names, (found.only_a, found.only_b), strict=True):
        if alone:
            yield f"  seeds only in {name}: {', '.join(map(str, alone))}"
