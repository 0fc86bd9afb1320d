"""Draw candidate traces from a model into an append-only store."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.augment.engines.base import Engine
    from cotmill.augment.engines.spread import SpreadEngine
    from cotmill.augment.sampling import Job
    from cotmill.execute.executor import Execution


@with_executor
def command(  # noqa: PLR0913 - every option is one of the command line
    model: Annotated[str, typer.Option(help="A folder, a hub name, lab:NAME, or the name a server knows.")],
    data: Annotated[str, typer.Option(help="Questions: a file, a folder, a pool, or a name on the hub.")],
    out: Annotated[Path, typer.Option(help="Folder of the store; the same command goes on in it.")],
    *,
    k: Annotated[int, typer.Option("--k", help="Samples of a question; the most, where it varies.")] = 100,
    engine: Annotated[str, typer.Option(help="hf, vllm or openai (a server).")] = "hf",
    url: Annotated[list[str] | None, typer.Option(help="Server, http://HOST:8000/v1; repeat.")] = None,
    allocate: Annotated[str, typer.Option(help="fixed, correct, uniform, prop2diff or yield.")] = "fixed",
    correct: Annotated[int | None, typer.Option(help="Correct samples to aim at.")] = None,
    price: Annotated[float, typer.Option(help="yield: new paths that 1,000 tokens must bring.")] = 0.5,
    tokens: Annotated[int | None, typer.Option(help="Most tokens of all questions together.")] = None,
    first: Annotated[int, typer.Option(help="Samples of a question in the first round.")] = 8,
    step: Annotated[int, typer.Option(help="At most so many in each later round.")] = 8,
    mode: Annotated[str, typer.Option(help="own, or paper: T 0.7, top-k 50, top-p 1, 256 tokens.")] = "own",
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.7,
    top_k: Annotated[int, typer.Option(help="Likeliest tokens to draw from; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Share of probability to draw from.")] = 1.0,
    max_new_tokens: Annotated[int, typer.Option(help="Where a sample is cut off.")] = 256,
    seed: Annotated[int, typer.Option(help="Fixes what is drawn.")] = 0,
    prompt: Annotated[str, typer.Option(help="What surrounds the question.")] = "{question}",
    form: Annotated[str, typer.Option(help="How a question becomes tokens: auto, plain or chat.")] = "auto",
    limit: Annotated[int | None, typer.Option(help="At most so many questions, drawn by hash.")] = None,
    part: Annotated[
        str, typer.Option(help="Only these questions, 2/8; other processes do the rest.")
    ] = "1/1",
    count: Annotated[bool, typer.Option(help="Verify the samples and say what they found.")] = True,
    save_every: Annotated[int | None, typer.Option(help="Samples between two writes to the disk.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="hf: samples at once.")] = None,
    threads: Annotated[int | None, typer.Option(help="hf: threads of torch.")] = None,
    concurrency: Annotated[int, typer.Option(help="openai: requests at once, to each server.")] = 16,
    per_minute: Annotated[int | None, typer.Option(help="openai: requests a minute, to each server.")] = None,
    n: Annotated[int, typer.Option("--n", help="openai: samples of a question in one request.")] = 1,
    patience: Annotated[float, typer.Option(help="openai: seconds without any answer to bear.")] = 300.0,
    timeout: Annotated[float, typer.Option(help="openai: seconds that one request may take.")] = 600.0,
    extra: Annotated[str, typer.Option(help="openai: JSON that goes into every request.")] = "{}",
    execution: Execution,
) -> None:
    """Draw k samples per question into a store: each exactly once, whatever is killed on the way."""
    from cotmill.augment.sampling import Sampler, questions_of
    from cotmill.augment.store import SampleStore
    from cotmill.cli.terminal.sampling import disk_gb, found_lines, plan_lines, round_line, summary_lines
    from cotmill.core.machine import Need, refuse_unless_it_fits
    from cotmill.data.read import read_pool

    told = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "max_new_tokens": max_new_tokens}
    job = _job(
        mode, told, seed=seed, extra=extra, prompt=prompt, count=count,
        allocation={
            "scheme": allocate, "k": k, "correct": correct, "price": price, "first": first, "step": step,
            "tokens": tokens,
        },
    )  # fmt: skip
    questions = questions_of(read_pool(data).without_labels(), limit=limit, part=_part(part))
    with ExitStack() as stack:
        how: dict[str, Any] = {
            "form": form, "batch_size": batch_size, "threads": threads, "urls": url or [], "n": n,
            "concurrency": concurrency, "per_minute": per_minute, "patience": patience, "timeout": timeout,
            "save_every": save_every,
        }  # fmt: skip
        if execution.here:
            back_end = _engine(engine, model, **how)
        else:
            back_end = stack.enter_context(_spread(engine, model, execution, **how))
        store = SampleStore.open(out)
        sampler = Sampler(back_end, questions, store, job)
        for line in plan_lines(sampler):
            typer.echo(line)
        refuse_unless_it_fits(Need(disk=disk_gb(sampler)), out)
        result = sampler.run(lambda *about: typer.echo(round_line(job, *about)))
    store.finish()
    for line in [*summary_lines(result, back_end.problems()), *found_lines(result)]:
        typer.echo(line)
    typer.echo(f"{store.count():,} samples in {out}")


def _job(
    mode: str,
    told: dict[str, Any],
    *,
    seed: int,
    extra: str,
    prompt: str,
    count: bool,
    allocation: dict[str, Any],
) -> Job:
    """Check the options together; what is wrong is the user's to put right."""
    from pydantic import ValidationError

    from cotmill.augment.allocate import Allocation, scheme_named
    from cotmill.augment.engines.base import PAPER, PAPER_TOKENS, SamplingSettings
    from cotmill.augment.sampling import Job
    from cotmill.core.errors import RecipeError

    if mode not in {"own", "paper"}:
        raise RecipeError(f"--mode is {mode!r}; it can be own or paper")
    if mode == "paper":
        told = {**PAPER, "max_new_tokens": PAPER_TOKENS}
    if told["max_new_tokens"] < 1:
        raise RecipeError("--max-new-tokens must be 1 or more")
    if "{question}" not in prompt:
        raise RecipeError("--prompt must contain {question}, the place of the question")
    scheme_named(allocation["scheme"])
    limit = told.pop("max_new_tokens")
    try:
        settings = SamplingSettings(**told, seed=seed, extra=_json(extra))
        rule = Allocation(**allocation)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + "-".join(map(str, first["loc"])).replace("_", "-") if first["loc"] else "--allocate"
        raise RecipeError(f"{option}: {first['msg'].removeprefix('Value error, ')}") from error
    return Job(settings, limit, rule, prompt.replace("\\n", "\n"), count)


def _json(text: str) -> dict[str, Any]:
    import json

    from cotmill.core.errors import RecipeError
    from cotmill.core.secrets import refuse_secrets

    try:
        value = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"--extra is not JSON ({error}); for example: '{{\"min_p\": 0.05}}'") from error
    if not isinstance(value, dict):
        raise RecipeError("--extra must be a JSON object, for example: '{\"min_p\": 0.05}'")
    refuse_secrets(value, "--extra")
    return value


def _part(text: str) -> tuple[int, int]:
    """Read 2/8 as (1, 8)."""
    from cotmill.core.errors import RecipeError

    which, slash, of = text.partition("/")
    if not (slash and which.isdigit() and of.isdigit() and 1 <= int(which) <= int(of)):
        raise RecipeError(f"--part is {text!r}; write for example 2/8 for the second of eight parts")
    return int(which) - 1, int(of)


def _spread(name: str, model: str, execution: Execution, **told: Any) -> SpreadEngine:
    """Make the back end by the workers of an executor."""
    from cotmill.augment.engines.spread import Maker, spread
    from cotmill.core.errors import RecipeError

    if name not in ("hf", "vllm"):
        raise RecipeError(
            f"--engine {name} is a server's work already; give --url once for every server, and no executor"
        )
    if told["urls"]:
        raise RecipeError(f"--url is for --engine openai; the engine is {name}")
    maker = Maker(name, model, told["form"], told["batch_size"], told["save_every"])  # type: ignore[arg-type]
    return spread(maker, execution)


def _engine(name: str, model: str, *, save_every: int | None, **told: Any) -> Engine:
    """Make the back end in this process."""
    made = _engine_named(name, model, **told)
    made.block = max(1, save_every or made.block)
    return made


def _engine_named(name: str, model: str, **told: Any) -> Engine:
    """Make the back end; only what it needs is imported."""
    from cotmill.core.errors import RecipeError

    if name == "openai":
        from cotmill.augment.engines.openai import OpenAIEngine, ServerConfig

        names = ("n", "concurrency", "per_minute", "patience", "timeout")
        config = ServerConfig(form=told["form"], **{option: told[option] for option in names})
        return OpenAIEngine(model, told["urls"], config)
    if told["urls"]:
        raise RecipeError(f"--url is for --engine openai; the engine is {name}")
    if name == "vllm":
        from cotmill.augment.engines.vllm import VllmEngine

        return VllmEngine(model, form=told["form"])
    if name != "hf":
        raise RecipeError(f"no engine is called {name!r}; there are hf, vllm, openai")
    from cotmill.augment.engines.hf import HfEngine
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads

    use_threads(told["threads"])
    return HfEngine(load(model), form=told["form"], batch_size=told["batch_size"])
