"""The section on training says what the loss of a masked arm is made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.report.read import read_run
from cotmill.report.training import training_section


def test_masked_arms_are_said_to_be_trained_on_noised_inputs(run_folder: Path, tmp_path: Path) -> None:
    plain = training_section(read_run(run_folder), "a")
    assert plain is not None
    assert "noised" not in str(plain)
    masked = tmp_path / "masked"
    shutil.copytree(run_folder, masked)
    for path in masked.glob("steps/train-*/model/train_log.parquet"):
        log = pq.read_table(path)
        for name, value in (("noised_share", 0.4), ("loss_clean_input", 0.5), ("loss_noised_input", 1.25)):
            log = log.append_column(name, pa.array([value] * len(log)))
        pq.write_table(log, path)
    section = training_section(read_run(masked), "a")
    assert section is not None
    assert "40 % of the tokens noised, 0.50 and 1.25" in str(section)
