"""Evidence aligns to a pool or refuses; its files are plain Parquet."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.data.pool import Pool
from cotmill.evidence import Evidence, Lengths, Losses, Scores, Trajectories


def pool_of(rows: int) -> Pool:
    return Pool.from_rows({"question": f"q{i}", "trace": f"#### {i}"} for i in range(rows))


def each_kind(pool: Pool) -> list[Evidence]:
    n = len(pool)
    tokens = np.arange(n) % 5
    common = {
        "row_ids": pool.ids,
        "pool_fingerprint": pool.fingerprint,
        "model_fingerprint": "m",
        "about": {"a": "b"},
    }
    return [
        Losses(**common, loss_sum=np.arange(n) / 3, tokens=tokens, truncated=tokens == 4),
        Trajectories(
            **common,
            loss_sum=np.random.default_rng(0).random((n, 3)).astype(np.float32),
            tokens=tokens,
            steps=np.array([10, 500, 2000]),
            truncated=tokens == 4,
        ),
        Lengths(**common, tokens=tokens),
        Scores(**common, values=np.linspace(-1, 1, n)),
    ]


KINDS = range(4)


@pytest.mark.parametrize("number", KINDS)
def test_a_file_gives_back_what_was_written(number, tmp_path):
    evidence = each_kind(pool_of(23))[number]
    read = Evidence.read(evidence.write(tmp_path / "e.parquet"))
    assert type(read) is type(evidence)
    assert read.fingerprint == evidence.fingerprint
    assert (read.pool_fingerprint, read.model_fingerprint, read.about) == (
        evidence.pool_fingerprint,
        "m",
        {"a": "b"},
    )
    for name in evidence.row_fields:
        np.testing.assert_array_equal(getattr(read, name), getattr(evidence, name))
    assert type(evidence).read(tmp_path).fingerprint == evidence.fingerprint


@pytest.mark.parametrize("number", KINDS)
def test_rows_are_found_by_id_in_any_order_and_among_more(number):
    pool = pool_of(30)
    evidence = each_kind(pool)[number]
    mixed = evidence.at(np.random.default_rng(0).permutation(30))
    assert mixed.fingerprint != evidence.fingerprint
    assert mixed.of(pool).fingerprint == evidence.fingerprint
    part = pool.take(pool.ids[5:12])
    aligned = mixed.of(part)
    assert aligned.fingerprint == evidence.at(np.arange(5, 12)).fingerprint
    assert aligned.pool_fingerprint == part.fingerprint


@pytest.mark.parametrize("number", KINDS)
def test_missing_and_repeated_rows_are_refused_with_numbers(number):
    evidence = each_kind(pool_of(30))[number]
    bigger = pool_of(33)
    with pytest.raises(EvidenceError, match=f"3 of 33 pool rows .* 30 rows .*first: '{bigger.ids[30]}'"):
        evidence.of(bigger)
    with pytest.raises(EvidenceError, match="31 rows have only 30 distinct"):
        evidence.at(np.r_[0, np.arange(30)]).of(pool_of(30))


def test_a_row_without_label_tokens_has_no_loss_rather_than_zero():
    losses = Losses(
        row_ids=["a", "b"],
        loss_sum=np.array([0.0, 6.0]),
        tokens=np.array([0, 3]),
        truncated=np.array([True, False]),
    )
    assert np.isnan(losses.mean[0])
    assert losses.mean[1] == 2.0
    assert losses.unmeasured.tolist() == [True, False]


def test_numbers_that_cannot_be_are_refused_by_row():
    ids = ["a", "b", "c"]
    good = {"tokens": np.array([1, 2, 3]), "truncated": np.zeros(3, dtype=bool)}
    for bad in (np.nan, np.inf, -1.0):
        with pytest.raises(EvidenceError, match=r"1 of 3 rows of the losses .*first: 'b'"):
            Losses(row_ids=ids, loss_sum=np.array([1.0, bad, 1.0]), **good)
        with pytest.raises(EvidenceError, match=r"1 of 3 rows of the trajectories .*first: 'c'"):
            Trajectories(
                row_ids=ids, loss_sum=np.array([[1.0, 1], [1, 1], [1, bad]]), steps=np.array([1, 2]), **good
            )
    with pytest.raises(EvidenceError, match="not finite"):
        Scores(row_ids=ids, values=np.array([1.0, np.nan, 2]))
    with pytest.raises(EvidenceError, match="negative number of tokens"):
        Lengths(row_ids=ids, tokens=np.array([1, -1, 2]))
    with pytest.raises(EvidenceError, match="2 entries for 3 row ids"):
        Lengths(row_ids=ids, tokens=np.array([1, 2]))


@pytest.mark.parametrize("steps", [[2, 1], [1, 1], [1], [1, 2, 3]])
def test_steps_must_increase_and_match(steps):
    with pytest.raises(EvidenceError, match="strictly increasing"):
        Trajectories(
            row_ids=["a"], loss_sum=np.ones((1, 2)), tokens=np.array([1]), steps=np.array(steps),
            truncated=np.array([False]),
        )  # fmt: skip


def test_trajectories_hold_losses_and_lengths():
    _, trajectories, lengths, _ = each_kind(pool_of(12))
    assert trajectories.to(Lengths).tokens.tolist() == lengths.tokens.tolist()
    last = trajectories.to(Losses)
    np.testing.assert_array_equal(last.loss_sum, trajectories.loss_sum[:, -1])
    assert last.to(Trajectories) is None
    assert lengths.to(Losses) is None
    joined = Trajectories.from_losses([trajectories.losses(i) for i in range(3)], steps=[10, 500, 2000])
    np.testing.assert_array_equal(joined.loss_sum, trajectories.loss_sum)
    with pytest.raises(EvidenceError, match="different rows"):
        Trajectories.from_losses([last, last.at(np.arange(3))])


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"tokens": [3, 4], "loss_sum@500": [1.0, 2.0], "loss_sum@1000": [0.5, 1.0]}, Trajectories),
        ({"tokens": [3, 4], "loss_sum": [1.0, 2.0]}, Losses),
        ({"values": [1.0, 2.0]}, Scores),
        ({"tokens": [3, 4]}, Lengths),
    ],
)
def test_a_table_of_any_trainer_is_known_by_its_columns(columns, kind, tmp_path):
    pq.write_table(pa.table({"row_id": ["a", "b"], **columns}), tmp_path / "theirs.parquet")
    read = Evidence.read(tmp_path / "theirs.parquet")
    assert type(read) is kind
    assert read.row_ids.tolist() == ["a", "b"]
    if kind is Trajectories:
        assert read.steps.tolist() == [500, 1000]
        assert read.loss_sum.tolist() == [[1.0, 0.5], [2.0, 1.0]]


def write(folder: Path, **columns: list) -> Path:
    pq.write_table(pa.table(columns), folder / "x.parquet")
    return folder / "x.parquet"


def test_files_that_are_not_evidence_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(EvidenceError, match="cannot be read as a Parquet"):
        Evidence.read(tmp_path / "none.parquet")
    with pytest.raises(EvidenceError, match="holds 0 Parquet files"):
        Evidence.read(tmp_path)
    with pytest.raises(EvidenceError, match="expected a row_id column"):
        Evidence.read(write(tmp_path, values=[1.0]))
    with pytest.raises(EvidenceError, match="expected row_id with one of"):
        Evidence.read(write(tmp_path, row_id=["a"], colour=[1.0]))
    with pytest.raises(EvidenceError, match="1 empty cells"):
        Evidence.read(write(tmp_path, row_id=["a", "b"], values=[1.0, None]))
    with pytest.raises(EvidenceError, match="expected numbers"):
        Evidence.read(write(tmp_path, row_id=["a"], values=["high"]))
    with pytest.raises(EvidenceError, match="holds scores; expected losses"):
        Losses.read(write(tmp_path, row_id=["a"], values=[1.0]))
