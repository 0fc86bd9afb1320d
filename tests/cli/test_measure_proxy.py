"""`cotmill measure proxy` on trajectories that are there already."""

import json

import numpy as np
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.evidence import Trajectories


def test_two_files_of_trajectories_are_compared_and_the_numbers_written(tmp_path):
    means = np.random.default_rng(0).gamma(2, 1, (60, 4))
    (tmp_path / "rows.jsonl").write_text(
        "".join(f'{{"question": "{n}?", "answer": "#### {n}"}}\n' for n in range(60))
    )
    for name, values in (("a", means), ("b", means[:, ::-1])):
        Trajectories(
            row_ids=[f"r{i}" for i in range(60)],
            loss_sum=values * 3,
            tokens=np.full(60, 3),
            steps=np.arange(4) + 1,
            truncated=np.zeros(60, dtype=bool),
        ).write(tmp_path / f"{name}.parquet")
    words = ["measure", "proxy", str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]
    words += ["--data", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "probe")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "60 rows: rank correlation of mean losses 1.00" in result.output
    found = json.loads((tmp_path / "probe" / "agreement.json").read_text())
    assert found["level"] > 0.999
    assert abs(found["fall"] + 1) < 1e-9
