"""The options by which a verb is told where its work is done, the same for every verb that has them."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from cotmill.execute.executor import Execution

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "executor": (
        Annotated[str, typer.Option(help="Where the work is done: local, ray or slurm.")],
        "local",
    ),
    "workers": (
        Annotated[int | None, typer.Option(min=1, help="Most workers; by default one (run: as fits).")],
        None,
    ),
    "address": (
        Annotated[str | None, typer.Option(help="ray: auto, HOST:PORT; slurm: a partition, local, debug.")],
        None,
    ),
    "gpus": (Annotated[float, typer.Option(min=0, help="GPUs of each worker.")], 0.0),
    "cpus": (Annotated[int | None, typer.Option(min=1, help="Cores of each worker.")], None),
    "executor_option": (
        Annotated[
            list[str] | None,
            typer.Option(metavar="NAME=VALUE", help="More for an actor of Ray, or for submitit; repeat."),
        ],
        None,
    ),
}


def with_executor(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options of an executor; it gets them together, as its argument `execution`."""

    @functools.wraps(verb)
    def command(**told: Any) -> None:
        where = {name: told.pop(name) for name in _OPTIONS}
        verb(**told, execution=execution_of(**where))

    # `Execution` is imported for type checkers alone; it is no option, so what stands for it is no matter.
    hints = get_type_hints(verb, localns={"Execution": object}, include_extras=True)
    kinds = {name: kind for name, kind in hints.items() if name != "execution"}
    own = [
        one.replace(annotation=kinds[one.name])
        for one in inspect.signature(verb).parameters.values()
        if one.name in kinds
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]
    command.__annotations__ = kinds | {one.name: one.annotation for one in added}
    command.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    return command


def execution_of(
    *, executor: str, executor_option: list[str] | None = None, **told: int | float | str | None
) -> Execution:
    """Read the options together.

    Raises:
        RecipeError: one of them is wrong.
    """
    from pydantic import ValidationError

    from cotmill.core.errors import RecipeError
    from cotmill.execute.executor import Execution

    options = dict(map(_option, executor_option or []))
    try:
        return Execution.model_validate({"engine": executor, **told, "options": options})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "engine"
        option = {"engine": "executor", "options": "executor-option"}.get(name, name)
        raise RecipeError(f"--{option}: {first['msg'].removeprefix('Value error, ')}") from error


def _option(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; a value that looks like a number is one."""
    from cotmill.core.errors import RecipeError

    name, equals, value = text.partition("=")
    if not (name and equals):
        raise RecipeError(f"--executor-option is {text!r}; write for example slurm_time=240")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
