"""The faults: each disturbs one verb and says what came of it, or raises `Wrong`.

Whatever happens, the same command is typed again at the end, and its output must equal the undisturbed one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fault_bench import Bench, Cell, Wrong, said, served
from fault_older import as_newer, as_older, logical
from fault_verbs import Verb, digest

STOPS_WITHIN = 12.0
"""Seconds between a signal and the end; a machine that is busy with other things is allowed for."""
TRIES = 3
FILES = 12
"""Files of one output that are damaged, one after the other."""
MEGABYTE = 2**20
ABORTED = ("bad_alloc", "thread-local data: ABORT", "SystemError: error return without exception set")
"""What is said by libraries that end the process themselves where memory runs out."""
Fault = Callable[[Bench, Verb], str]


def killed(bench: Bench, verb: Verb, *, kills: int) -> str:
    """Kill -9 at random moments, the same command again each time."""
    out, done, ended = bench.fresh("kill", verb), 0, 0
    while done < kills:
        process = bench.forked.start(bench.words(verb, out), bench.log(out))
        time.sleep(bench.luck("kill", verb.name, done, ended) * bench.seconds[verb.name])
        if process.running():
            process.signal(signal.SIGKILL)
            process.wait()
            done += 1
            continue
        said(process.wait(), 0)
        bench.compare(verb, out)
        ended += 1
        _remove(out)
    bench.finish(verb, out)
    return f"goes on; equal ({kills} kills)"


def signalled(bench: Bench, verb: Verb, *, number: signal.Signals) -> str:
    """A signal at a random moment of the work."""
    slowest = 0.0
    for attempt in range(20):
        out = bench.fresh(number.name, verb)
        process = bench.forked.start(bench.words(verb, out), bench.log(out))
        time.sleep((0.1 + 0.8 * bench.luck(number.name, verb.name, attempt)) * bench.seconds[verb.name] * 0.8)
        process.signal(number)
        began = time.monotonic()
        ended = process.wait()
        if ended.code == 0 or ended.said.startswith("Traceback"):
            continue  # it was done before the signal came, or Python had not begun with it
        slowest = max(slowest, time.monotonic() - began)
        said(ended, 130, "Type the same command again")
        if slowest > STOPS_WITHIN:
            raise Wrong(f"stopped only after {slowest:.0f} s")
        bench.finish(verb, out)
        return f"stops within {max(1, round(slowest + 0.5))} s, says how to go on; equal"
    raise Wrong("no signal came before the end in 20 attempts")


def full_disk(bench: Bench, verb: Verb) -> str:
    """A disk that is too small: a small file system for root, else a limit on the size of files."""
    out = bench.fresh("full disk", verb)
    if not _may_mount():
        ended = bench.run(verb, out, fsize=2048)
        said(ended, 2, "the disk is full")
        bench.finish(verb, out)
        return "a sentence; equal (limit on file size: no right to mount)"
    size = _size(bench.undisturbed(verb))
    with _mounted(out.parent, f"size={max(8192, int(0.5 * size) // 4096 * 4096)}"):
        ended = bench.run(verb, out)
        said(ended, 2, "the disk is full", "No space left", "are free at")
        _mount("-o", "remount,size=1g", out.parent)
        bench.finish(verb, out)
    return "a sentence; equal once there is room"


def read_only(bench: Bench, verb: Verb) -> str:
    """A folder that cannot be written: mounted read-only for root, else by its mode."""
    out = bench.fresh("read-only", verb)
    if not _may_mount():
        out.parent.chmod(0o555)
        try:
            said(bench.run(verb, out), 2, "cannot be written")
        finally:
            out.parent.chmod(0o755)
        bench.finish(verb, out)
        return "a sentence that names it; equal"
    with _mounted(out.parent, "size=1g"):
        _mount("-o", "remount,ro", out.parent)
        said(bench.run(verb, out), 2, "cannot be written")
        _mount("-o", "remount,rw", out.parent)
        bench.finish(verb, out)
    return "a sentence that names it; equal"


def spoilt(bench: Bench, verb: Verb, *, cut: bool) -> str:
    """A finished file is truncated, or a bit of it flips; every file of the output in turn."""
    whole, results = bench.undisturbed(verb), {"made again": 0, "refused by name": 0}
    names = [name for name in digest(whole) if _file(whole, name).stat().st_size]
    for name in names[:: max(1, len(names) // FILES)][:FILES]:
        out = bench.fresh("truncated" if cut else "corrupted", verb)
        _copy(whole, out)
        _spoil(_file(out, name), cut=cut)
        ended = bench.run(verb, out)
        if ended.code == 0:
            bench.compare(verb, out)
            results["made again"] += 1
            continue
        said(ended, 2, Path(name).name, out.name)
        _remedy(out, _file(out, name))
        bench.finish(verb, out)
        results["refused by name"] += 1
    return "; ".join(f"{what} ({count})" for what, count in results.items() if count) + "; equal"


def two_at_once(bench: Bench, verb: Verb) -> str:
    """Two processes on one output: the second refuses or waits."""
    out = bench.fresh("two", verb)
    both = [bench.forked.start(bench.words(verb, out), bench.log(out / str(n))) for n in range(2)]
    ended = [process.wait() for process in both]
    codes = sorted(one.code for one in ended)
    if codes not in ([0, 0], [0, 2]):
        raise Wrong(f"ended with codes {codes}: {ended[0].said[-200:]} / {ended[1].said[-200:]}")
    for one in ended:
        if one.code:
            said(one, 2, "in use")
    bench.finish(verb, out)
    return (
        "the second is refused" if codes[1] else "both work on it" if verb.shared else "one after the other"
    ) + ("; equal")


def changed(bench: Bench, verb: Verb) -> str:
    """Another setting on the same output: refused, or only what depends on it is made."""
    alone = bench.fresh("changed alone", verb)
    said(bench.forked.run(verb.changed(bench.world, alone), bench.log(alone)), 0)
    out = bench.fresh("changed", verb)
    _copy(bench.undisturbed(verb), out)
    before = digest(out)
    ended = bench.forked.run(verb.changed(bench.world, out), bench.log(out))
    if ended.code:
        said(ended, 2, str(out), out.name)
        bench.compare(verb, out)
        return "refused; what was there is untouched"
    after, fresh = digest(out), digest(alone)
    kept = sum(after.get(name) == value for name, value in before.items())
    lost = [name for name, value in fresh.items() if after.get(name) != value and name != verb.grows]
    if verb.grows and not _goes_on(out / verb.grows, bench.undisturbed(verb) / verb.grows):
        raise Wrong(f"{verb.grows} does not begin with what it held")
    if lost and not verb.shared:
        raise Wrong(f"differs from the changed command on its own in {lost[0]}")
    if verb.name == "run":
        made = {name.split("/")[1] for name in after.keys() - before.keys() if name.startswith("steps/")}
        there = {name.split("/")[1] for name in after if name.startswith("steps/")}
        bench.finish(verb, out) if not made else None
        return f"{len(made)} of {len(there)} steps made, the rest kept"
    return "beside what was there" if verb.shared and kept else "made anew, as on its own"


def _goes_on(file: Path, earlier: Path) -> bool:
    """Say whether a file begins with all of an earlier one."""
    return file.read_bytes().startswith(earlier.read_bytes())


def memory(bench: Bench, verb: Verb) -> str:
    """Less and less memory: smaller batches first, then a sentence; never a wrong result."""
    found = []
    for room in (256, 64, 16):
        out = bench.fresh("memory", verb)
        ended = bench.run(verb, out, memory=room * MEGABYTE)
        if ended.code == 0:
            found.append(f"{room} MB: done, {_equal_or_close(bench, verb, out)}")
            continue
        if ended.code == 2:
            said(ended, 2, "memory")
            found.append(f"{room} MB: a sentence")
        elif ended.code < 0 or any(sign in ended.said for sign in ABORTED):
            found.append(f"{room} MB: ended at once by a library in C, no sentence possible")
        else:
            said(ended, 2, "memory")
        said(bench.run(verb, out), 0)
        found[-1] += f", then {_equal_or_close(bench, verb, out)}"
    return "; ".join(found)


def _equal_or_close(bench: Bench, verb: Verb, out: Path) -> str:
    """Compare; losses of halved batches may differ by rounding."""
    try:
        bench.compare(verb, out)
    except Wrong:
        whole = bench.undisturbed(verb)
        if digest(whole).keys() != digest(out).keys() or not all(
            _is_close(_file(out, name), _file(whole, name)) for name in digest(whole)
        ):
            raise
        return "equal up to rounding"
    return "equal"


def _is_close(ours: Path, theirs: Path) -> bool:
    """Say whether two files are equal, or two tables but for the last digits of measured numbers."""
    if ours.read_bytes() == theirs.read_bytes():
        return True
    if ours.suffix != ".parquet":
        return False
    left, right = pq.read_table(ours), pq.read_table(theirs)
    return left.schema.equals(right.schema) and all(
        np.allclose(left[name].to_numpy(), right[name].to_numpy(), rtol=1e-4, equal_nan=True)
        if pa.types.is_floating(left[name].type)
        else left[name].equals(right[name])
        for name in left.column_names
    )


def server(bench: Bench, verb: Verb) -> str:
    """A server that answers 429, 500, garbage, half a response, or nothing."""
    for mood in ("429", "500", "html", "half", "drop", "hang"):
        out = bench.fresh(f"server {mood}", verb)
        with served(bench, *[mood] * 3):
            bench.finish(verb, out)
    for mood in ("hang", "500", "html"):
        out = bench.fresh(f"server only {mood}", verb)
        with served(bench, "good", "good", then=mood):
            said(bench.run(verb, out), 2, "type the same command again", "What was drawn is stored")
        with served(bench):
            bench.finish(verb, out)
    return "429, 500, garbage, half, dropped, late: asked again, equal; gone for good: a sentence, then equal"


def upgraded(bench: Bench, verb: Verb) -> str:
    """An output of an older layout (before files carried hashes), and one of a layout that is to come."""
    out = bench.fresh("older", verb)
    _copy(bench.undisturbed(verb), out)
    as_older(out)
    said(bench.run(verb, out), 0)
    if logical(out) != logical(bench.undisturbed(verb)):
        raise Wrong("an output of the older layout is read as another")
    newer = bench.fresh("newer", verb)
    _copy(bench.undisturbed(verb), newer)
    if not as_newer(newer):
        return "older: read on; no layout of its own"
    ended = bench.run(verb, newer)
    if ended.code == 0:
        bench.compare(verb, newer)
        return "older and newer: made anew, equal"
    said(ended, 2, "version", "layout", "other rules", "another")
    return "older: read on, equal; newer: refused"


# ---- what they need -----------------------------------------------------------------------------------


def _remove(out: Path) -> None:
    for path in (out, out.with_name(out.name + ".work"), out.with_name(f"{out.stem}_files")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _file(out: Path, name: str) -> Path:
    return out / name if out.is_dir() else out.parent / name


def _copy(whole: Path, out: Path) -> None:
    _remove(out)
    for path in (whole, whole.with_name(f"{whole.stem}_files")):
        if path.is_dir():
            shutil.copytree(path, out.with_name(path.name))
        elif path.is_file():
            shutil.copy2(path, out.with_name(path.name))


def _spoil(path: Path, *, cut: bool) -> None:
    content = bytearray(path.read_bytes())
    if cut:
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _remedy(out: Path, file: Path) -> None:
    """Do what the message says: remove the file; where that is not enough, the output."""
    if (out / "store.json").is_file() and file.name != "store.json":
        file.unlink()
    else:
        _remove(out)


def _size(out: Path) -> int:
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def _mount(*words: object) -> None:
    _mount_tool("mount", *words)


def _mount_tool(name: str, *words: object) -> None:
    subprocess.run([shutil.which(name) or name, *map(str, words)], check=True, capture_output=True)


@cache
def _may_mount() -> bool:
    """Try it: root in a container often may not."""
    if os.geteuid() or shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with _mounted(Path(folder), "size=64k"):
                return True
        except subprocess.CalledProcessError:
            return False


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    _mount("-t", "tmpfs", "-o", options, "tmpfs", folder)
    try:
        yield
    finally:
        _mount_tool("umount", "-l", folder)


FAULTS: dict[str, tuple[Fault, Callable[[Verb], bool]]] = {
    "full disk": (full_disk, lambda _: True),
    "read-only folder": (read_only, lambda _: True),
    "truncated file": (lambda b, v: spoilt(b, v, cut=True), lambda _: True),
    "flipped bit": (lambda b, v: spoilt(b, v, cut=False), lambda _: True),
    "SIGINT": (lambda b, v: signalled(b, v, number=signal.SIGINT), lambda _: True),
    "SIGTERM": (lambda b, v: signalled(b, v, number=signal.SIGTERM), lambda _: True),
    "two at once": (two_at_once, lambda _: True),
    "another setting": (changed, lambda _: True),
    "another layout": (upgraded, lambda _: True),
    "little memory": (memory, lambda verb: verb.model),
    "server": (server, lambda verb: verb.server),
}
"""Faults but for kills, which are counted; and the verbs that they can happen to."""


NEVER = {("server", "run"): "recipes sample from models that they load, never from a server"}
"""Why something cannot happen, where the reason is not that of the other verbs."""


def disturb(bench: Bench, name: str, verb: Verb, *, kills: int = 0) -> Cell:
    """Make one fault in one verb."""
    fault, fits = FAULTS.get(name, (lambda b, v: killed(b, v, kills=kills), lambda _: True))
    if not fits(verb):
        why = NEVER.get((name, verb.name)) or (
            "asks no server" if name == "server" else "holds little at once"
        )
        return Cell(name, verb.name, good=True, outcome=f"cannot happen: {why}", times=0)
    try:
        if verb.server and name != "server":
            with served(bench):
                bench.prepare(verb)
                outcome = fault(bench, verb)
        elif verb.server:
            with served(bench):
                bench.prepare(verb)
            outcome = fault(bench, verb)
        else:
            bench.prepare(verb)
            outcome = fault(bench, verb)
    except Wrong as wrong:
        return Cell(name, verb.name, good=False, outcome=str(wrong), times=max(1, kills))
    return Cell(name, verb.name, good=True, outcome=outcome, times=max(1, kills))
