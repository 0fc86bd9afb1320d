"""Clustering and drawing at scale, beside k-means alone, in one run.

    python benchmarks/select_scale.py --rows 1000000 --checkpoints 12

    python benchmarks/select_scale.py --rows 10000000 --checkpoints 12 --alone   # its peak memory

Synthetic loss curves (a heavy-tailed start, a fall at its own rate, a floor, noise). Compared in time and
in inertia: cotmill's S2L from trajectories to a written-down choice; scikit-learn's k-means with k-means++
on the same sample plus prediction; faiss's k-means as the public S2L code calls it (random start, 20
rounds, 256 rows a centre, then assignment of all rows), where faiss is installed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.cluster import KMeans

from cotmill.core.ids import order_keys
from cotmill.core.runs import peak_memory_mb
from cotmill.data.pool import Pool
from cotmill.evidence import Trajectories
from cotmill.select import S2L, Random
from cotmill.select.cluster import ROUNDS, ROWS_PER_CENTRE, assign

CLUSTERS = 100


def make_ids(rows: int) -> pa.Array:
    """Random content ids as one Arrow array, without a Python object per row."""
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    values = np.random.Generator(np.random.Philox(1)).integers(0, 16, (rows, 32), dtype=np.uint8)
    offsets = np.arange(rows + 1, dtype=np.int64) * 32
    text = pa.py_buffer(np.ascontiguousarray(digits[values]))
    return pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), text).cast(pa.string())


def make_pool(rows: int) -> Pool:
    ids = make_ids(rows)
    empty = pa.array([""]).take(pa.array(np.zeros(rows, dtype=np.int32)))
    columns = dict.fromkeys(("question", "gold", "trace", "origin", "source"), empty)
    context = pa.array([[]], pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])))
    context = context.take(pa.array(np.zeros(rows, dtype=np.int32)))
    return Pool.from_table(pa.table({"row_id": ids, "example_id": ids, **columns, "context": context}))


def make_curves(rows: int, checkpoints: int) -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(2))
    start, rate, floor = rng.gamma(3, 0.5, rows), rng.lognormal(-1, 1, rows), rng.gamma(1.2, 0.25, rows)
    curves = np.empty((rows, checkpoints), dtype=np.float32)
    for t in range(checkpoints):
        curves[:, t] = floor + start * np.exp(-rate * (t + 1) / 4) + rng.normal(0, 0.03, rows)
    return curves.clip(0.0)


def measure(name: str, work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    print(f"{name:<58}{seconds:9.2f} s   peak {peak_memory_mb():7.0f} MB", flush=True)
    return result, seconds


def sklearn_alone(curves: np.ndarray) -> float:
    sample = curves[: CLUSTERS * ROWS_PER_CENTRE]
    means = KMeans(CLUSTERS, n_init=3, max_iter=ROUNDS, random_state=0).fit(sample)
    means.predict(curves)
    return assign(curves, means.cluster_centers_)[1]


def faiss_alone(curves: np.ndarray) -> float | None:
    try:
        import faiss
    except ImportError:
        return None
    means = faiss.Kmeans(curves.shape[1], CLUSTERS, niter=20)
    means.train(curves)
    means.index.search(curves, 1)
    return assign(curves, means.centroids)[1]


def main() -> None:
    """Print times, ratios, inertia and memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--checkpoints", type=int, default=12)
    parser.add_argument("--alone", action="store_true", help="only cotmill: for its own peak memory")
    wanted = parser.parse_args()
    pool, _ = measure("making the pool", lambda: make_pool(wanted.rows))
    measure("its fingerprint (once per pool)", lambda: pool.fingerprint)
    curves = make_curves(wanted.rows, wanted.checkpoints)
    tokens = np.full(wanted.rows, 100, dtype=np.int32)
    trajectories = Trajectories(
        row_ids=pool.column("row_id"),
        loss_sum=curves * np.float32(100),
        tokens=tokens,
        steps=np.arange(wanted.checkpoints) + 1,
        truncated=np.zeros(wanted.rows, dtype=bool),
    )
    measure("keys by hash", lambda: order_keys(0, pool.column("row_id")))
    measure("random, 11 %", lambda: Random()(pool, budget="11%", seed=0))
    chosen, ours = measure(
        "s2l, 11 %: align, cluster, draw, manifest", lambda: S2L()(pool, trajectories, budget="11%", seed=0)
    )
    found = chosen.summary["details"]["inertia"]
    print(f"{'  inertia':<58}{found:9.4f}")
    for name, alone in () if wanted.alone else (("faiss", faiss_alone), ("scikit-learn", sklearn_alone)):
        inertia, theirs = measure(f"{name} k-means alone", lambda alone=alone: alone(curves))
        if inertia is None:
            print("  not installed")
            continue
        print(f"{'  inertia':<58}{inertia:9.4f}")
        print(f"{f'  cotmill over {name}: time, inertia':<58}{ours / theirs:9.2f}   {found / inertia:.2f}")


if __name__ == "__main__":
    main()
