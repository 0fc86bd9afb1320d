"""The `cotmill` command: finds verbs in this folder, and turns errors of the user into exit code 2.

Nothing heavy is imported here, and no verb before it is called, so that `cotmill --help` answers at once.
Exit codes: 0 done, 2 the user can put it right (a sentence, no traceback), 1 our fault, 130 interrupted.
"""

from __future__ import annotations

import ast
import difflib
import io
import os
import sys
import traceback as tracebacks
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from cotmill import __version__
from cotmill.core.errors import UserError
from cotmill.core.holding import holding, refuse_inputs
from cotmill.core.inert import visible
from cotmill.core.machine import ANYWAY, machine_trouble
from cotmill.core.secrets import hide
from cotmill.core.stopping import STOPPED, Stopped, stop_on_signals

FOLDER = Path(__file__).parent
ORDER = (
    "run",
    "check",
    "verify",
    "sample",
    "augment",
    "measure",
    "select",
    "train",
    "evaluate",
    "grade",
    "compare",
)
"""The order of the data's walk; verbs that are not named here follow in the order of the alphabet."""


def verbs() -> dict[str, dict[str, str] | str]:
    """Map every verb to its module name, and every group to the mapping of its own verbs."""
    names = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "main"}
    found: dict[str, Any] = {}
    for name in sorted(names, key=_place):
        group, _, verb = name.partition("_")
        if verb:
            found.setdefault(group, {})[verb.replace("_", "-")] = name
        else:
            found[name] = name
    return found


def _place(name: str) -> tuple[int, str]:
    """Say where a verb stands in the help."""
    verb = name.partition("_")[0]
    return (ORDER.index(verb) if verb in ORDER else len(ORDER), name)


def _about(module: str) -> str:
    """Read the first line of a module's docstring without importing the module."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


class LazyVerb(TyperCommand):
    """A verb that is imported when it is called; in the list of verbs it shows only its line of help."""

    def __init__(self, name: str, module: str) -> None:
        """Remember which module holds the verb."""
        super().__init__(name, help=_about(module))
        self.module = module

    def load(self) -> Any:
        """Import the module and build its command."""
        verb = import_module(f"cotmill.cli.{self.module}")
        app = getattr(verb, "app", None)
        if app is None:
            app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            app.command(self.name)(verb.command)
        command = typer.main.get_command(app)
        command.name = self.name
        return command

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Hand the arguments over to the command itself, which then holds its output."""
        words = list(args)
        made = self.load().make_context(info_name, args, parent=parent, **extra)
        if any("://" in word for word in words) and not extra.get("resilient_parsing"):
            _open_places(self.name, words, made)
        out = made.params.get("out")
        if isinstance(out, Path) and not extra.get("resilient_parsing"):
            if out.name in ("", ".."):
                out = made.params["out"] = out.resolve()  # what is made beside it is named after it
            refuse_inputs(out, made.params)
            if _alone(self.name, made.params):
                made.with_resource(holding(out))
        return made


def _open_places(verb: str | None, words: list[str], made: Any) -> None:
    """Let folders of this process stand for the addresses among the paths that a verb was given."""
    from cotmill.cli.terminal.mirroring import Places

    places = Places(words)
    made.params |= places.of(made.params)
    # A store of samples admits many writers in one folder, but not at an address: it is put together here.
    told = {**made.params, "part": None} if verb == "sample" else made.params
    made.with_resource(places.opened(alone=_alone(None, told)))


SHARED = ("run", "sample")
"""Verbs that hold what they write to themselves: a Run has its own lock, a store admits many writers."""


def _alone(verb: str | None, told: Mapping[str, Any]) -> bool:
    """Say whether a verb must be the only one to write to its output: not with parts, nor in later ranks."""
    return (
        verb not in SHARED
        and told.get("part") is None
        and told.get("shards") is None
        and os.environ.get("RANK", "0") == "0"
    )


class Verbs(TyperGroup):
    """A group whose verbs are read from a mapping of names to modules."""

    def __init__(self, *, found: Mapping[str, Any] | None = None, **rest: Any) -> None:
        """Read the folder, or take the given part of it."""
        super().__init__(**rest)
        self.found = verbs() if found is None else found

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the verbs in the order of the data's walk."""
        del ctx
        return list(self.found)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a verb, or a group of verbs, by its name."""
        del ctx
        found = self.found.get(cmd_name)
        if found is None:
            return None
        if isinstance(found, Mapping):
            about = " · ".join(_about(module) for module in found.values())
            return Verbs(found=found, name=cmd_name, help=about, no_args_is_help=True)
        return LazyVerb(cmd_name, found)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb, or say which one was probably meant."""
        if args and not args[0].startswith("-") and args[0] not in self.found:
            near = difflib.get_close_matches(args[0], self.found, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(self.found)}"
            ctx.fail(f"there is no verb {args[0]!r}{meant}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; what the user or the machine can put right becomes one message and exit code 2."""
        try:
            with stop_on_signals():
                return super().invoke(ctx)
        except Stopped as stopped:
            typer.echo(f"stopped by {stopped}; {GO_ON}", err=True)
            raise typer.Exit(STOPPED) from None
        except UserError as error:
            _tell(ctx, str(error), error)
        except Exception as error:
            # Libraries wrap a full disk or lost memory in errors of their own; all else is raised again.
            said = machine_trouble(error)
            if said is None:
                raise
            _tell(ctx, said, error)


GO_ON = "what is finished is kept. Type the same command again to go on."


def _tell(ctx: Any, said: str, error: Exception) -> NoReturn:
    """Say what went wrong in a sentence, and leave."""
    from cotmill.cli.terminal.mirroring import named

    if ctx.find_root().params.get("traceback"):
        tracebacks.print_exc()
    typer.echo(f"error: {visible(hide(named(said)))}", err=True)
    raise typer.Exit(2) from error


app = typer.Typer(cls=Verbs, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


def _print_version(wanted: bool) -> bool:  # noqa: FBT001 - the signature is typer's
    """Print the version and leave."""
    if wanted:
        typer.echo(f"cotmill {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def cotmill(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where an error came from.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Start what looks too large for this machine all the same.")
    ] = False,
) -> None:
    """From a pool of chain-of-thought solutions to a better training set, a better model, and evidence.

    Wherever a verb takes a file or a folder, an address of fsspec will do: --out s3://bucket/run.
    """
    del version, traceback
    if anyway:
        os.environ[ANYWAY] = "1"


def render_reference() -> str:
    """Render the help of every verb as Markdown, at a fixed width and without colour."""
    root = typer.main.get_command(app)
    pages = [f"# Command line\n\nMade by `make docs` from the help texts.\n\n{_page(root, 'cotmill')}"]
    pages += [_page(command, name) for name, command in _walk(root, "cotmill")]
    return "\n".join(pages)


def _walk(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every verb under a group with the words that call it, groups before their verbs."""
    context = group.make_context(path, [], resilient_parsing=True)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        command = command.load() if isinstance(command, LazyVerb) else command
        yield f"{path} {name}", command
        if isinstance(command, TyperGroup):
            yield from _walk(command, f"{path} {name}")


def _page(command: Any, path: str) -> str:
    """Render the help of one command."""
    command.rich_markup_mode = None
    context = command.context_class(command, info_name=path, max_content_width=100, terminal_width=100)
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {path}\n\n```text\n" + "\n".join(lines) + "\n```\n"


def main() -> None:
    """Run the command line; what a terminal cannot show is shown by its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="cotmill")


if __name__ == "__main__":
    main()
