"""Regenerate what the commands in docs/real_models.md print; with --check, fail when it is stale.

Every ```console block is a command after `$ ` and its output. The commands are dry runs: nothing is trained.
"""

import re
import shlex
import sys
from pathlib import Path

from typer.testing import CliRunner

from cotmill.cli.main import app

PAGE = Path(__file__).with_name("real_models.md")
DATA = Path("../shared/data/gsm8k")
BLOCK = re.compile(r"```console\n\$ (?P<command>.*?[^\\])\n(?P<output>.*?)```", re.DOTALL)


def regenerated(text: str) -> str:
    """Put in place of every block's output what its command prints now."""
    return BLOCK.sub(lambda found: f"```console\n$ {found['command']}\n{printed(found['command'])}```", text)


def printed(command: str) -> str:
    """Run a command of cotmill in this process.

    Raises:
        RuntimeError: it failed; holds what it said.
    """
    program, *arguments = shlex.split(command.replace("\\\n", " "))
    if program != "cotmill" or "--dry-run" not in arguments:
        raise RuntimeError(f"only dry runs of cotmill are regenerated, not: {command}")
    result = CliRunner().invoke(app, arguments)
    if result.exit_code:
        raise RuntimeError(f"{command}: {result.output} {result.exception}")
    return result.output


def main() -> int:
    """Write, or compare."""
    if not DATA.is_dir():
        print(f"real_models.md is left alone: its estimates are of GSM8K, and {DATA} is not there")
        return 0
    before = PAGE.read_text(encoding="utf-8")
    after = regenerated(before)
    if "--check" not in sys.argv:
        PAGE.write_text(after, encoding="utf-8")
    elif before != after:
        print("stale: real_models.md; type: python docs/real_models.py")
    return int("--check" in sys.argv and before != after)


if __name__ == "__main__":
    sys.exit(main())
