"""Heavy stages by every engine: the same bytes, and a node that is killed in the middle costs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cotmill.augment.allocate import Allocation
from cotmill.augment.engines.base import SamplingSettings
from cotmill.augment.engines.hf import HfEngine
from cotmill.augment.engines.spread import Maker, spread
from cotmill.augment.sampling import Job, Sampler, questions_of
from cotmill.augment.store import SampleStore
from cotmill.cli.main import app
from cotmill.core.errors import ModelError
from cotmill.data.pool import Pool
from cotmill.execute.executor import Execution
from cotmill.measure.influence.config import InfluenceConfig
from cotmill.measure.influence.measure import measure_influence
from cotmill.measure.losses import measure_losses
from cotmill.model.load import load
from cotmill.verify.stream import verify_pool

# submitit does not close the log files of jobs that it runs in this process
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(600),
]
JOB = Job(SamplingSettings(temperature=1.0), 12, Allocation(k=3), count=False)
BLOCK = 16


@pytest.fixture(autouse=True)
def short_shards(monkeypatch):
    monkeypatch.setattr("cotmill.measure.shards.SHARD_ROWS", 16)


@pytest.fixture
def lm(model_folder):
    return load(str(model_folder))


def measured(lm, pool, folder: Path, execution: Execution) -> bytes:
    """Measure by an engine, and give the bytes of the table."""
    with execution.start() as executor:
        found = measure_losses(lm, pool, work=folder / "work", executor=executor)
    found.write(folder / "losses.parquet")
    return (folder / "losses.parquet").read_bytes()


def sampled(model_folder: Path, pool, folder: Path, execution: Execution, order=None) -> dict[str, bytes]:
    """Sample by an engine, and give the files of the store."""
    questions = questions_of(pool)
    store = SampleStore.open(folder)
    if execution.here:
        engine = HfEngine(load(str(model_folder)))
        engine.block = BLOCK
        Sampler(engine, questions, store, JOB).run()
    else:
        with spread(Maker("hf", str(model_folder), block=BLOCK), execution) as engine:
            Sampler(engine, questions if order is None else [questions[n] for n in order], store, JOB).run()
    store.finish()
    return files_of(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


def test_workers_and_jobs_measure_the_same_bytes_as_one_process(lm, pool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = measured(lm, pool, tmp_path / "one", Execution())
    assert measured(lm, pool, tmp_path / "two", Execution(workers=2, cpus=1)) == one
    assert measured(lm, pool, tmp_path / "jobs", Execution(engine="slurm", address="debug")) == one


def test_four_workers_verify_the_same_bytes_as_one(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("cotmill.verify.stream.SHARD_ROWS", 16)
    for workers in (1, 4):
        verify_pool(pool, tmp_path / str(workers), execution=Execution(workers=workers, cpus=1))
    one, four = (files_of(tmp_path / name) for name in "14")
    assert len(one) == 10
    assert four == one


def test_shards_that_workers_left_in_any_order_are_put_together_in_the_pools(lm, pool, tmp_path):
    whole = measured(lm, pool, tmp_path / "whole", Execution())
    for name in ("shard-000007.parquet", "shard-000002.parquet"):
        (tmp_path / "whole" / "work" / name).unlink()
    assert measured(lm, pool, tmp_path / "whole", Execution()) == whole


def test_a_shard_of_something_else_or_a_damaged_one_is_made_again_and_said(lm, pool, tmp_path, capsys):
    whole = measured(lm, pool, tmp_path / "a", Execution())
    work = tmp_path / "a" / "work"
    (work / "shard-000001.parquet").write_bytes((work / "shard-000002.parquet").read_bytes())
    (work / "shard-000003.parquet").write_bytes(b"PAR1 torn")
    assert measured(lm, pool, tmp_path / "a", Execution()) == whole
    said = capsys.readouterr().err
    assert "shard-000001.parquet was made from something else; it is made again" in said
    assert "shard-000003.parquet is damaged" in said


def test_a_model_that_only_this_process_has_cannot_be_given_to_workers(lm, pool, tmp_path):
    from dataclasses import replace

    with (
        Execution(workers=2).start() as executor,
        pytest.raises(ModelError, match="save it and load it"),
    ):
        measure_losses(replace(lm, source=None), pool, work=tmp_path, executor=executor)


def test_workers_sample_what_one_process_samples_whatever_order_they_are_asked_in(
    model_folder, pool, tmp_path
):
    few = pool.take(pool.ids[:40])
    one = sampled(model_folder, few, tmp_path / "one", Execution())
    order = np.random.default_rng(0).permutation(40).tolist()
    two = sampled(model_folder, few, tmp_path / "two", Execution(workers=2, cpus=1), order)
    assert two == one


def test_jobs_score_influence_by_the_directions_that_they_find_in_the_folder(lm, pool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {**row, "group": ("correct", "incorrect")[n % 2]}
        for n, row in enumerate(pool.take(pool.ids[:8]).rows())
    ]
    queries, config = Pool.from_rows(rows), InfluenceConfig(curvature="diagonal", route="backward", parts=2)
    for name, execution in (("one", Execution()), ("jobs", Execution(engine="slurm", address="debug"))):
        with execution.start() as executor:
            found = measure_influence(lm, pool, queries, config, work=tmp_path / name, executor=executor)
        found.write(tmp_path / f"{name}.parquet")
    assert (tmp_path / "jobs.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
    assert (tmp_path / "jobs" / "directions.safetensors").is_file()


def test_the_command_line_evaluates_and_samples_by_jobs_as_it_does_alone(
    model_folder, pool, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    pool.take(pool.ids[:20]).write(tmp_path / "few")
    jobs = ["--executor", "slurm", "--address", "debug"]
    for name, where in (("one", []), ("jobs", jobs)):
        evaluating = [
            "evaluate",
            "--benchmark",
            "few",
            "--model",
            str(model_folder),
            "--out",
            f"{name}-answers",
        ]
        sampling = [
            "sample",
            "--data",
            "few",
            "--model",
            str(model_folder),
            "--out",
            f"{name}-samples",
            "--k",
            "2",
        ]
        for arguments in (evaluating, sampling):
            done = CliRunner().invoke(app, [*arguments, "--max-new-tokens", "8", *where])
            assert done.exit_code == 0, done.output
    answers = [(tmp_path / f"{name}-answers" / "outputs.jsonl").read_bytes() for name in ("one", "jobs")]
    assert answers[0] == answers[1]
    assert files_of(tmp_path / "one-samples") == files_of(tmp_path / "jobs-samples")


RANKS = """
import sys
from pathlib import Path
import cotmill.measure.shards as shards
shards.SHARD_ROWS = 16
from cotmill.data.pool import Pool
from cotmill.measure.influence.config import InfluenceConfig
from cotmill.measure.influence.measure import measure_influence
from cotmill.measure.losses import measure_losses
from cotmill.model.load import load
from cotmill.verify.stream import verify_pool
from cotmill.model.ranks import rank
model, pool, out = sys.argv[1:]
own = []
write = shards.Place.write
def counted(self, number, columns):
    own.append(number)
    write(self, number, columns)
shards.Place.write = counted
found = measure_losses(load(model), Pool.open(pool), work=Path(out) / "work")
found.write(Path(out) / f"losses-{rank()}.parquet")
(Path(out) / f"shards-{rank()}.txt").write_text(" ".join(map(str, own)))
"""


@pytest.mark.slow
def test_two_processes_of_torchrun_share_a_measurement_on_gloo(lm, model_folder, pool, tmp_path):
    one = measured(lm, pool, tmp_path / "one", Execution())
    script, out = tmp_path / "ranks.py", tmp_path / "two"
    script.write_text(RANKS)
    out.mkdir()
    pool.write(tmp_path / "pool")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(script), str(model_folder), str(tmp_path / "pool"), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert [(out / f"losses-{rank}.parquet").read_bytes() for rank in (0, 1)] == [one, one]
    shares = [(out / f"shards-{rank}.txt").read_text().split() for rank in (0, 1)]
    assert sorted(map(int, shares[0] + shares[1])) == list(range(10))
    assert len(shares[0]) == len(shares[1]) == 5


# ---- Ray --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_node_killed_in_the_middle_of_measuring_and_one_of_sampling_cost_nothing(
    lm, model_folder, pool, tmp_path
):
    pytest.importorskip("ray", reason="RAY ABSENT: pip install 'cotmill[ray]'")
    few = pool.take(pool.ids[:40])
    pool.write(tmp_path / "data" / "pool")
    few.write(tmp_path / "data" / "few")
    command = [sys.executable, str(Path(__file__).with_name("three_nodes.py")), str(model_folder)]
    told = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    for attempt in range(3):  # Ray gives each of its nodes thirty seconds to start, whatever else goes on
        out = tmp_path / str(attempt)
        shutil.copytree(tmp_path / "data", out)
        done = subprocess.run(
            [*command, str(out)], capture_output=True, text=True, timeout=500, check=False, env=told
        )
        if "timed out during startup" not in done.stderr:
            break
    else:
        pytest.skip(
            "RAY DID NOT START: three times a node took longer than the thirty seconds that Ray allows"
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (out / "losses.parquet").read_bytes() == measured(lm, pool, tmp_path / "one", Execution())
    assert files_of(out / "store") == sampled(model_folder, few, tmp_path / "alone", Execution())
    for folder in ("measuring", "sampling"):  # all three nodes had begun, one of them was killed
        assert len(list((out / folder).iterdir())) == 3
