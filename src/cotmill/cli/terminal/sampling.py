"""What `cotmill sample` says before, while and after it draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cotmill.augment.sampling import Job, Sampled, Sampler


def plan_lines(sampler: Sampler) -> Iterator[str]:
    """Say what will be drawn, how much is there, how long it takes, and show the first prompt."""
    job, engine, questions = sampler.job, sampler.engine, len(sampler.questions)
    rule = job.allocation
    begin, end = sampler.first_plan()
    total, missing = sum(end.values()), sampler.missing(begin, end)
    there = f"; {total - missing:,} are there" if missing < total else ""
    each = f"{rule.k} samples each" if not rule.listens else f"{rule.start()} samples each in the first round"
    yield f"{engine.model_name} by {engine.name} ({engine.version}): {questions:,} questions, {each}{there}"
    if rule.listens:
        budget = f" and {rule.tokens:,} tokens in all" if rule.tokens is not None else ""
        yield f"then by the scheme {rule.scheme}, at most {rule.k:,} samples of a question{budget}"
    settings = job.settings
    cut = f", top-k {settings.top_k}" if settings.top_k else ""
    cut += f", top-p {settings.top_p}" if settings.top_p < 1 else ""
    yield f"temperature {settings.temperature}{cut}, at most {job.max_new_tokens:,} tokens a sample"
    if missing:
        yield _cost(sampler, missing)
    if sampler.prompts:
        first = sampler.prompts[0]
        yield f"first prompt: {engine.shown(first)!r}"


TOKEN_BYTES, SAMPLE_BYTES = 4.0, 200.0
"""On disk, unpacked: of a token's text, and of what else is kept of a sample; packing is a reserve."""


def disk_gb(sampler: Sampler) -> float:
    """Reckon what the missing samples will take at most, in GB; parts and whole lie there together."""
    begin, end = sampler.first_plan()
    known = sampler.mean_tokens()
    each = SAMPLE_BYTES + TOKEN_BYTES * (known if known is not None else sampler.job.max_new_tokens)
    return 2 * sampler.missing(begin, end) * each / 1e9


def _cost(sampler: Sampler, missing: int) -> str:
    """Estimate tokens and time."""
    job = sampler.job
    known = sampler.mean_tokens()
    tokens = missing * (known if known is not None else job.max_new_tokens)
    most = "" if known is not None else "at most "
    pace = sampler.engine.pace(sampler.prompts, job.settings)
    what = f"{missing:,} samples to draw now, {most}{tokens:,.0f} tokens"
    return f"{what}: {most}about {span(tokens / pace)} at {pace:,.0f} a second" if pace else what


def round_line(job: Job, number: int, questions: int, samples: int) -> str:
    """Say what a round is."""
    if not job.allocation.listens:
        return f"drawing for {questions:,} questions, {samples:,} samples with those that are there"
    return f"round {number}: {questions:,} questions go on, {samples:,} samples"


def summary_lines(result: Sampled, problems: Mapping[str, int]) -> Iterator[str]:
    """Say what was drawn."""
    rate = result.tokens / result.seconds if result.seconds else 0.0
    yield (
        f"{result.drawn:,} samples drawn, {result.tokens:,} tokens, {result.seconds:.1f} s, "
        f"{rate:,.0f} tokens a second with storing and verifying"
    )
    again = (
        f"; {result.retried:,} that a shorter limit had cut off were drawn again" if result.retried else ""
    )
    yield (
        f"{result.samples:,} samples of {result.questions:,} questions in {result.rounds} "
        f"{'round' if result.rounds == 1 else 'rounds'}: {result.cut_off:,} cut off "
        f"(a larger --max-new-tokens draws them again), {result.failed:,} failed "
        f"(drawn again next time){again}"
    )
    for reason, times in problems.items():
        yield f"  {times:,} x {reason}"


def found_lines(result: Sampled) -> Iterator[str]:
    """Say what the samples brought per token."""
    if not result.found:
        return
    tokens = sum(found.tokens for found in result.found)
    correct = sum(found.correct for found in result.found)
    distinct = sum(found.distinct for found in result.found)
    none = sum(not found.correct for found in result.found)
    thousand = max(tokens, 1) / 1000
    yield (
        f"{correct:,} correct ({correct / thousand:.2f} per 1,000 tokens), {distinct:,} distinct correct "
        f"paths ({distinct / thousand:.2f} per 1,000 tokens), {none:,} questions without a correct sample"
    )


def span(seconds: float) -> str:
    """Write a length of time.

    >>> span(40.0), span(600.0), span(9000.0)
    ('40 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
