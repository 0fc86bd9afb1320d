"""Any number of traces to Parquet: counts, resuming, refusing a foreign folder."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import RunError
from cotmill.data.pool import Pool
from cotmill.execute.executor import Execution
from cotmill.verify import Verifier
from cotmill.verify import stream as streaming
from cotmill.verify.estimate import estimate
from cotmill.verify.stream import shard_path, verify_pool


def row(n: int) -> dict[str, str]:
    trace = f"{n} + 1 = <<{n}+1={n + 1}>>{n + 1}\n#### {n + 1 + n % 2}"
    return {"question": f"Add {n} and 1.", "gold": str(n + 1), "trace": trace}


ROWS = [row(n) for n in range(2, 60)]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    monkeypatch.setattr(streaming, "SHARD_ROWS", 16)
    return Pool.from_rows(ROWS)


def test_every_row_gets_a_verdict_in_order(pool: Pool, tmp_path: Path) -> None:
    summary = verify_pool(pool, tmp_path)
    tables = [pq.read_table(shard_path(tmp_path, number)) for number in range(4)]
    assert [row for table in tables for row in table.column("row_id").to_pylist()] == pool.ids.tolist()
    assert summary["verdicts"] == {"correct": 29, "wrong": 29}
    assert summary["totals"]["equations_right"] == 2 * len(ROWS)
    assert summary["examples"]["answer wrong"][0]["question"].startswith("Add")


def test_a_shard_that_is_there_is_not_made_again(pool: Pool, tmp_path: Path) -> None:
    verify_pool(pool, tmp_path)
    kept, gone = shard_path(tmp_path, 0), shard_path(tmp_path, 2)
    before, content = kept.stat().st_mtime_ns, gone.read_bytes()
    gone.unlink()
    verify_pool(pool, tmp_path)
    assert kept.stat().st_mtime_ns == before
    assert gone.read_bytes() == content


def test_worker_processes_give_the_same_files(pool: Pool, tmp_path: Path) -> None:
    verify_pool(pool, tmp_path / "one")
    verify_pool(pool, tmp_path / "two", execution=Execution(workers=2))
    for number in range(4):
        assert (
            shard_path(tmp_path / "one", number).read_bytes()
            == shard_path(tmp_path / "two", number).read_bytes()
        )


def test_what_a_run_will_cost_is_reckoned_from_a_few_rows(pool: Pool, tmp_path: Path) -> None:
    found = estimate(pool, tmp_path, Verifier(), workers=1)
    assert (found.rows, found.there, found.probed) == (len(ROWS), 0, 16)
    assert 0 < found.seconds < 60
    assert found.megabytes > 50
    assert not list(tmp_path.iterdir())
    verify_pool(pool, tmp_path)
    shard_path(tmp_path, 3).unlink()
    assert estimate(pool, tmp_path, Verifier(), workers=2).rows == len(ROWS) - 48
    verify_pool(pool, tmp_path)
    assert estimate(pool, tmp_path, Verifier(), workers=2).rows == 0


def test_a_folder_of_other_rules_is_refused(pool: Pool, tmp_path: Path) -> None:
    verify_pool(pool, tmp_path)
    with pytest.raises(RunError, match="other rules"):
        verify_pool(pool, tmp_path, verifier=Verifier(grounding=False))
