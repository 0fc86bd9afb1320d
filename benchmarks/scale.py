"""Synthetic rows through load, check, cluster, select, write; samples through verify and distinct paths.

    python benchmarks/scale.py --rows 10000000 --samples 1000000 --json docs/scale.json
    python benchmarks/scale.py --rows 100000 --samples 10000            # a try, a few minutes

Every stage runs in a process of its own at a tenth of the size and at the whole size, so that its peak
memory is its own and a line through two sizes tells what it takes at sizes that were not tried. The shards
of a tenth of the samples are done by 1, 2 and 4 workers, each beside a bare map: the standard library's
pool, which judges and chooses among the same samples and writes nothing. With --ray ADDRESS, Ray's own pool
of actors is the bare map of another line. `make docs` turns the JSON into docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

CHECKPOINTS = 6
K = 100
BUDGET = "11%"
EXECUTOR = {"engine": "local"}


# ---- stages: each leaves its result in FOLDER for the next ------------------------------------------


def load(folder: Path, count: int) -> None:
    from cotmill.data import read_pool

    del count
    read_pool(folder / "rows.jsonl", out=folder / "pool")


def check(folder: Path, count: int) -> None:
    from cotmill.data.describe import describe
    from cotmill.data.pool import Pool

    del count
    describe(Pool.open(folder / "pool"))


def choose(folder: Path, count: int) -> None:
    """Cluster loss curves, and draw evenly."""
    from cotmill.data.pool import Pool
    from cotmill.evidence import Trajectories
    from cotmill.select import S2L

    del count
    found = Trajectories.read(folder / "trajectories.parquet")
    S2L()(Pool.open(folder / "pool"), found, budget=BUDGET, seed=0).write(folder / "selection")


def write(folder: Path, count: int) -> None:
    from cotmill.data.pool import Pool
    from cotmill.select import Selection

    del count
    Selection.read(folder / "selection").apply(Pool.open(folder / "pool")).write(folder / "chosen")


def verify(folder: Path, count: int) -> None:
    """Verdict, equations and grounding of every row."""
    from cotmill.data.pool import Pool
    from cotmill.verify.stream import verify_pool

    del count
    verify_pool(Pool.open(folder / "chosen"), folder / "verified")


def paths(folder: Path, count: int) -> None:
    """Verify samples, and keep the distinct paths."""
    from cotmill.augment.rft import make_rft
    from cotmill.data.pool import Pool

    del count
    make_rft([folder / "store"], Pool.open(folder / "data"), folder / "rft")


ROW_STAGES = {"load": load, "check": check, "cluster and select": choose, "write": write, "verify": verify}
SAMPLE_STAGES = {"distinct paths": paths}


# ---- inputs -----------------------------------------------------------------------------------------


def make_rows(folder: Path, count: int) -> None:
    from pool_million import make_input

    make_input(folder / "rows.jsonl", count)


def make_curves(folder: Path, count: int) -> None:
    """Losses as a small model's might be: a start, a fall at its own rate, a floor."""
    from select_scale import make_curves

    from cotmill.data.pool import Pool
    from cotmill.evidence import Trajectories

    del count
    pool = Pool.open(folder / "pool")
    Trajectories(
        row_ids=pool.column("row_id"),
        loss_sum=make_curves(len(pool), CHECKPOINTS) * np.float32(100),
        tokens=np.full(len(pool), 100, dtype=np.int32),
        steps=np.arange(CHECKPOINTS) + 1,
        truncated=np.zeros(len(pool), dtype=bool),
        pool_fingerprint=pool.fingerprint,
    ).write(folder / "trajectories.parquet")


def make_samples(folder: Path, count: int) -> None:
    from rft_paths import fill

    fill(folder, count, min(K, count))


INPUTS = {"rows": make_rows, "curves": make_curves, "samples": make_samples}


# ---- workers beside a bare map ----------------------------------------------------------------------


def shards_of(folder: Path, out: Path) -> Iterator[Any]:
    """Read the samples and cut them, as `make_rft` does."""
    from cotmill.augment.collect import questions_of, sampled_questions, writers_of
    from cotmill.augment.config import RftConfig
    from cotmill.augment.shards import cut
    from cotmill.augment.store import SampleStore
    from cotmill.data.pool import Pool

    stores, questions = [SampleStore.open(folder / "store")], questions_of(Pool.open(folder / "data"))
    config = RftConfig().resolved()
    yield from cut(sampled_questions(stores, questions, writers_of(stores), None), config, out, "benchmark")


def judge(shard: Any) -> int:
    """Judge and choose, as `augment.shards.work` does before it writes."""
    from cotmill.augment.filter import Filter
    from cotmill.augment.shards import decide

    with Filter(shard.config) as found:
        return len(decide(shard.sampled, found))


def warm(_: int) -> None:
    """Import in a worker what the work needs; long enough that every worker gets one."""
    import cotmill.augment.shards  # noqa: F401 - it is the import that is wanted

    time.sleep(1.0)


def by_bare_map(folder: Path, out: Path, workers: int) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        pool.map(warm, range(workers), chunksize=1)
        started = time.perf_counter()
        for _ in pool.imap_unordered(judge, shards_of(folder, out)):
            pass
        return time.perf_counter() - started


def by_bare_ray(folder: Path, out: Path, workers: int) -> float:
    import ray
    from ray.util import ActorPool

    ray.init(address=EXECUTOR["address"], log_to_driver=False)

    @ray.remote(num_cpus=1)
    class Judge:
        def warm(self) -> None:
            warm(0)

        def work(self, shard: Any) -> int:
            return judge(shard)

    actors = [Judge.remote() for _ in range(workers)]
    ray.get([actor.warm.remote() for actor in actors])
    started = time.perf_counter()
    for _ in ActorPool(actors).map_unordered(
        lambda actor, shard: actor.work.remote(shard), shards_of(folder, out)
    ):
        pass
    seconds = time.perf_counter() - started
    ray.shutdown()
    return seconds


def by_executor(folder: Path, out: Path, workers: int) -> float:
    from cotmill.augment.shards import work
    from cotmill.execute.executor import Execution

    with Execution(workers=workers, cpus=1, **EXECUTOR).start() as executor:
        for _ in executor.each(warm, range(workers)):
            pass
        started = time.perf_counter()
        for _ in executor.each(work, shards_of(folder, out)):
            pass
        return time.perf_counter() - started


def compared(folder: Path, samples: int, workers: int) -> dict[str, Any]:
    """Time the bare map and the executor, the bare map first and last: the machine may not stay the same."""
    engine = EXECUTOR["engine"]
    bare = by_bare_map if engine == "local" else by_bare_ray
    times = []
    for turn, way in enumerate((bare, by_executor, by_executor, bare)):
        out = folder / f"shards-{turn}"
        times.append(way(folder, out, workers))
        shutil.rmtree(out, ignore_errors=True)
    plain, ours = times[0] + times[3], times[1] + times[2]
    return {
        "engine": engine, "workers": workers, "samples": samples,
        "bare_per_second": 2 * samples / plain, "per_second": 2 * samples / ours, "share": plain / ours,
    }  # fmt: skip


# ---- measuring --------------------------------------------------------------------------------------


def one_stage(name: str, folder: Path, count: int) -> dict[str, Any]:
    """Run one stage in this process and say what it took."""
    stages: dict[str, Callable[[Path, int], None]] = {**INPUTS, **ROW_STAGES, **SAMPLE_STAGES}
    started, worked = time.perf_counter(), time.process_time()
    stages[name](folder, count)
    return {
        "stage": name, "count": count, "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - worked,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def apart(name: str, folder: Path, count: int) -> dict[str, Any]:
    """Run one stage in a process of its own."""
    command = [sys.executable, __file__, "--stage", name, "--count", str(count), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    rate = f"{count / found['seconds']:12,.0f} a second"
    print(f"{name:<20}{count:>12,}{found['seconds']:10.1f} s{rate}{found['peak_mb']:9,.0f} MB", flush=True)
    return found


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def rows_at(folder: Path, count: int) -> dict[str, Any]:
    folder.mkdir()
    apart("rows", folder, count)
    found = [apart("load", folder, count), apart("check", folder, count)]
    apart("curves", folder, count)
    found.append(apart("cluster and select", folder, count))
    found.append(apart("write", folder, count))
    chosen = json.loads((folder / "chosen" / "pool.json").read_text(encoding="utf-8"))["rows"]
    found.append(apart("verify", folder, chosen))
    disk = {
        "input": (folder / "rows.jsonl").stat().st_size, "pool": size_of(folder / "pool"),
        "evidence": (folder / "trajectories.parquet").stat().st_size,
        "selection": size_of(folder / "selection"),
    }  # fmt: skip
    shutil.rmtree(folder)
    return {"rows": count, "stages": found, "bytes": disk}


def samples_at(folder: Path, count: int, workers: list[int]) -> dict[str, Any]:
    folder.mkdir()
    apart("samples", folder, count)
    found = [apart("distinct paths", folder, count)]
    disk = {"store": size_of(folder / "store"), "result": size_of(folder / "rft")}
    lines = []
    for number in workers:
        lines.append(compared(folder, count, number))
        print(
            f"{number} workers of {lines[-1]['engine']}: {lines[-1]['per_second']:,.0f} samples a second, "
            f"bare map {lines[-1]['bare_per_second']:,.0f}: {lines[-1]['share']:.1%}",
            flush=True,
        )
    shutil.rmtree(folder)
    return {"samples": count, "k": min(K, count), "stages": found, "bytes": disk, "workers": lines}


def main() -> None:
    """Measure at two sizes, print, and write the JSON."""
    from cotmill.core.provenance import provenance

    told = options()
    if told.stage:
        print(json.dumps(one_stage(told.stage, told.folder, told.count)))
        return
    with tempfile.TemporaryDirectory(dir=told.folder) as name:
        place = Path(name)
        rows = [rows_at(place / "rows", count) for count in (told.rows // 10, told.rows)]
        samples = [
            samples_at(place / "samples", told.samples // 10, told.workers),
            samples_at(place / "samples", told.samples, []),
        ]
        if told.ray:
            EXECUTOR.update(engine="ray", address=told.ray)
            samples.append(samples_at(place / "samples", told.samples // 10, told.workers))
    found = {"rows": rows, "samples": samples, "made_with": provenance()}
    if told.json:
        told.json.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--ray", metavar="ADDRESS", help="also on Ray: auto, local, HOST:PORT")
    parser.add_argument("--folder", type=Path, help="where the data go; a folder for temporary files else")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
