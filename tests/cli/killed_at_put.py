"""Runs `cotmill`, killed each time when so many files have arrived; told by test_addresses.py.

The words are a folder, the numbers of files, and the words of a command. Each process has an empty folder
of its own for what is temporary, as another machine would have.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

import cotmill.verify.stream as stream
from cotmill.cli.main import app


def child(place: Path, count: int, words: list[str]) -> None:
    """Be the command, until a file would be the next of so many to take its name in the store."""
    put, left = LocalFileSystem.mv, [count]

    def mv(self: LocalFileSystem, *told: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        put(self, *told)

    LocalFileSystem.mv = mv
    place.mkdir()
    os.environ["TMPDIR"] = str(place)
    stream.SHARD_ROWS = 40
    app(words, prog_name="cotmill")


def main() -> None:
    for number, count in enumerate(sys.argv[2].split(",")):
        pid = os.fork()
        if pid == 0:
            child(Path(sys.argv[1]) / f"machine-{number}", int(count), sys.argv[3:])
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL


if __name__ == "__main__":
    main()
