"""How often a question is solved."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.data.pool import Pool
from cotmill.evidence import Evidence, PassRates
from cotmill.select import PassRate


def test_rows_share_the_rate_of_their_question_and_the_nearest_to_the_target_are_taken():
    pool = Pool.from_rows({"question": f"q{i // 2}", "trace": f"{i}"} for i in range(8))
    ids = list(dict.fromkeys(pool.column("example_id").to_pylist()))
    rates = PassRates(row_ids=ids, correct=np.array([0, 2, 4, 0]), samples=np.array([4, 4, 4, 0]))
    taken = {
        target: np.flatnonzero(PassRate(target=target)(pool, rates, budget=2, seed=0).taken).tolist()
        for target in (0.0, 0.5, 1.0)
    }
    assert taken == {0.0: [0, 1], 0.5: [2, 3], 1.0: [4, 5]}
    last = PassRate()(pool, rates, budget=2, seed=0).table["reason"][7].as_py()
    assert last == "left: its question was not asked"


def test_a_table_of_single_answers_is_counted_up(tmp_path):
    table = pa.table({"example_id": ["a", "b", "a", "a"], "correct": [True, False, False, True]})
    pq.write_table(table, tmp_path / "samples.parquet")
    read = Evidence.read(tmp_path / "samples.parquet")
    assert isinstance(read, PassRates)
    assert read.row_ids.tolist() == ["a", "b"]
    assert read.rate.tolist() == [2 / 3, 0.0]
    with pytest.raises(EvidenceError, match="more right answers than answers"):
        PassRates(row_ids=["a"], correct=np.array([3]), samples=np.array([2]))
