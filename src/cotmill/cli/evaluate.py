"""Ask a model a benchmark: accuracy with its interval, by group, and the loss of the gold solutions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotmill.cli.terminal.executing import with_executor

if TYPE_CHECKING:
    from cotmill.evaluate.benchmark import Benchmark, Metric
    from cotmill.evaluate.config import EvalConfig
    from cotmill.execute.executor import Execution, Executor
    from cotmill.model.load import LanguageModel


@with_executor
def command(  # noqa: PLR0913 - every option is one of the command line
    benchmark: Annotated[
        list[str], typer.Option(help="A set (gsm8k, mgsm:de+fr, gsm-ic=PATH) or a file; repeat for several.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; go on in it if it was interrupted.")],
    model: Annotated[
        str, typer.Option(help="A folder, a hub name, or a model of the lab: lab:llama-0.9m.")
    ] = "",
    *,
    samples: Annotated[int, typer.Option(help="Answers per question; 0: only the loss.")] = 1,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.0,
    max_new_tokens: Annotated[int, typer.Option(help="Where an answer is cut off.")] = 256,
    limit: Annotated[int | None, typer.Option(help="At most so many questions, drawn by hash.")] = None,
    loss: Annotated[bool, typer.Option("--loss", help="Also the mean loss of the gold solutions.")] = False,
    prompt: Annotated[str, typer.Option(help="What surrounds the question.")] = "{question}",
    form: Annotated[str, typer.Option(help="How a question becomes tokens: auto, plain or chat.")] = "auto",
    stop: Annotated[list[str] | None, typer.Option(help="Grade an answer up to this text.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Prompts at once.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes what is sampled.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the sets; default: COTMILL_SHARED.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="For a file of your own: answer, or text (scored against its traces).")
    ] = None,
    bertscore: Annotated[
        str, typer.Option(help="For texts: also BERTScore by this encoder, NAME or NAME@LAYER.")
    ] = "",
    export_task: Annotated[
        bool, typer.Option("--export-task", help="Write tasks of lm-evaluation-harness instead.")
    ] = False,
    execution: Execution,
) -> None:
    """Ask a model a benchmark; every raw output is kept, and the same command goes on where it stopped."""
    from cotmill.evaluate.benchmarks import benchmark as find

    config = _config(
        samples=samples,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
        limit=limit,
        loss=loss,
        prompt=prompt.replace("\\n", "\n"),
        form=form,
        stop=tuple(stop or ()),
        batch_size=batch_size,
        bertscore=bertscore,
    )
    found = [find(name, data, metric=_metric(metric)).limited(limit) for name in benchmark]
    if export_task:
        _export(found, config, out)
        return
    lm = _load(model, threads)
    with execution.start() as executor:
        for one in found:
            place = out if len(found) == 1 else out / _slug(one.name)
            _one(lm, one, config, out=place, seed=seed, executor=executor)


def _config(**told: Any) -> EvalConfig:
    """Check the options together; what is wrong is the user's to put right."""
    from pydantic import ValidationError

    from cotmill.core.errors import RecipeError
    from cotmill.evaluate.config import EvalConfig

    try:
        return EvalConfig(**told)
    except ValidationError as error:
        first = error.errors()[0]
        option = (
            "--" + "-".join(str(step) for step in first["loc"]).replace("_", "-")
            if first["loc"]
            else "options"
        )
        raise RecipeError(f"{option}: {first['msg'].removeprefix('Value error, ')}") from error


def _metric(name: str | None) -> Metric | None:
    from cotmill.core.errors import RecipeError

    if name is None or name == "answer" or name == "text":
        return name
    raise RecipeError(f"--metric is {name!r}; it can be answer or text")


def _load(model: str, threads: int | None) -> LanguageModel:
    from cotmill.core.errors import RecipeError

    if not model:
        raise RecipeError("name the model with --model: a folder, a hub name, or for example lab:llama-0.9m")
    from cotmill.model.load import load
    from cotmill.model.threads import use_threads

    use_threads(threads)
    return load(model)


def _one(
    lm: LanguageModel, benchmark: Benchmark, config: EvalConfig, *, out: Path, seed: int, executor: Executor
) -> None:
    """Say what will be done, do it, and show what came of it."""
    from cotmill.evaluate.plan import plan_of
    from cotmill.evaluate.run import evaluate
    from cotmill.evaluate.show import lines_of

    for line in plan_of(lm, benchmark, config, out=out, seed=seed):
        typer.echo(line)
    result = evaluate(lm, benchmark, out=out, config=config, seed=seed, executor=executor)
    for line in lines_of(result.metrics):
        typer.echo(line)
    typer.echo(f"written to {out}")


def _export(benchmarks: list[Benchmark], config: EvalConfig, out: Path) -> None:
    """Write tasks for the harness and say how to run them."""
    from cotmill.evaluate.harness import export_task

    for one in benchmarks:
        task = export_task(one, out, config)
        typer.echo(f"written: {task}")
        typer.echo(
            "run it: lm_eval --model hf --model_args pretrained=MODEL "
            f"--include_path {out} --tasks {task.stem}"
        )


def _slug(name: str) -> str:
    """Turn a benchmark's name into one of a folder."""
    return "".join(char if char.isalnum() or char in "-." else "-" for char in name)
