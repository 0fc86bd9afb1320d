"""A Ray cluster of three nodes on this machine; one is killed while it measures, another while it samples.

python three_nodes.py MODEL FOLDER      FOLDER holds the pools `pool` and `few`
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from cotmill.augment.allocate import Allocation
from cotmill.augment.engines.base import SamplingSettings
from cotmill.augment.engines.spread import Maker, SpreadEngine
from cotmill.augment.sampling import Job, Sampler, questions_of
from cotmill.augment.store import SampleStore
from cotmill.data.pool import Pool
from cotmill.evidence import Losses
from cotmill.execute.executor import Execution
from cotmill.measure import shards
from cotmill.measure.losses import about, loss_columns
from cotmill.measure.shards import Measuring, in_shards
from cotmill.model.load import load, source_of

MEMORY = {"object_store_memory": 80 * 2**20}
BLOCK = 16
JOB = Job(SamplingSettings(temperature=1.0), 12, Allocation(k=3), count=False)


def at_work(folder: str) -> None:
    """Say on which node this is, and take long enough to be killed over it."""
    (Path(folder) / ray.get_runtime_context().get_node_id()).touch()
    time.sleep(0.5)


def slow_columns(lm: Any, rows: list, length: int, folder: str) -> shards.Columns:
    at_work(folder)
    return loss_columns(lm, rows, length, "auto")


@dataclass(frozen=True)
class SlowMaker(Maker):
    """Makes an engine that takes its time."""

    folder: str = ""

    def engine(self) -> Any:
        at_work(self.folder)
        return super().engine()


def kill_when_at_work(cluster: Cluster, node: Any, folder: Path) -> threading.Thread:
    """Kill a node as soon as it has begun to work."""
    folder.mkdir()

    def kill() -> None:
        while not (folder / node.node_id).exists():
            time.sleep(0.02)
        cluster.remove_node(node, allow_graceful=False)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def measure(model: str, out: Path, execution: Execution, marks: Path) -> None:
    shards.SHARD_ROWS = 16
    lm, pool = load(model), Pool.open(out / "pool")
    measuring = Measuring(
        partial(slow_columns, length=lm.max_length, folder=str(marks)), lm, partial(source_of, lm)
    )
    with execution.start() as executor:
        columns = in_shards(
            pool, measuring, label="measuring", job={"kind": "slow"}, work=out / "work", executor=executor
        )
    told: Any = {**columns, "about": about(lm, lm.max_length, "auto")}
    found = Losses(pool_fingerprint=pool.fingerprint, model_fingerprint=lm.fingerprint, **told)
    found.write(out / "losses.parquet")


def sample(model: str, out: Path, execution: Execution, marks: Path) -> None:
    store = SampleStore.open(out / "store")
    maker = SlowMaker("hf", model, block=BLOCK, folder=str(marks))
    with SpreadEngine(maker, execution) as engine:
        Sampler(engine, questions_of(Pool.open(out / "few")), store, JOB).run()
    store.finish()


def main(model: str, out: Path) -> None:
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **MEMORY}
    )
    nodes = [cluster.add_node(num_cpus=1, **MEMORY) for _ in range(2)]
    execution = Execution(engine="ray", workers=3, address=cluster.address)
    killer = kill_when_at_work(cluster, nodes[0], out / "measuring")
    measure(model, out, execution, out / "measuring")
    killer.join()
    third = cluster.add_node(num_cpus=1, **MEMORY)
    killer = kill_when_at_work(cluster, third, out / "sampling")
    sample(model, out, execution, out / "sampling")
    killer.join()
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
