"""Runs `cotmill` in forked processes, so that the imports are paid for once; told by test_sample.py.

A line of JSON on the input is the words of a command; the answer is the process id, and, when the process
has ended in whatever way, its wait status.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

HEAVY = (
    "torch",
    "transformers.models.llama.modeling_llama",
    "transformers.models.gpt_neox.modeling_gpt_neox",
    "cotmill.augment.engines.hf",
    "cotmill.augment.sampling",
    "cotmill.cli.sample",
    "cotmill.cli.terminal.sampling",
    "cotmill.data.read",
    "cotmill.model.load",
)


def child(words: list[str], log: str) -> None:
    """Be the command."""
    from cotmill.cli.main import app

    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    app(words, prog_name="cotmill")


def say(what: object) -> None:
    """Answer with a line."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    for name in HEAVY:
        importlib.import_module(name)
    say("ready")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line), sys.argv[1])
            os._exit(0)
        say(pid)
        say(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()
