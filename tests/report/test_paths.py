"""The section on sampled paths."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cotmill.core.files import write_json
from cotmill.report.parts import Table
from cotmill.report.paths import paths_section
from cotmill.report.read import Cell, LoadedRun, Step


def augment_step(folder: Path, name: str, kept: int) -> Step:
    place = folder / name
    became = {"kept": kept, "path of a given solution": 10, "answer": 20}
    share = {"paths": 30, "exclusive": 10, "all_paths": 40, "share": 0.25, "low": 0.2, "high": 0.3}
    counts = {
        "questions": 10, "samples": 100, "became": became, "new_rows": kept, "paths": 20,
        "unsolved": 1, "suspects": 2, "tokens": 900,
        "writers": ["a", "b"], "shares": [{"writer": "a", **share}, {"writer": "<b>", **share}],
    }  # fmt: skip
    write_json(place / "counts.json", counts)
    points = [
        {"writer": writer, "paths": "distinct", "samples": size, "mean": size / 3, "low": 0.1, "high": 4.0}
        for writer in ("a", "all writers")
        for size in (1, 5, 10)
    ]
    pq.write_table(pa.Table.from_pylist(points), place / "yield_curves.parquet")
    return Step(name, "augment", place, {}, {})


def audit_step(folder: Path, name: str) -> Step:
    place = folder / name
    place.mkdir()
    rows = [
        {"filters": filters, "passed": 50, "unsound": unsound, "undecided": 0, "share": unsound / 50,
         "sound_refused": 3, "paths": 4}
        for filters, unsound in (("none", 20), ("answer", 5), ("kept", 1))
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), place / "audit.parquet")
    return Step(name, "audit", place, {}, {})


def run_of(folder: Path, *, augmented: bool) -> LoadedRun:
    steps, cells = {}, []
    for seed in (0, 1):
        found = {"augment": f"augment-{seed}", "audit": f"audit-{seed}"} if augmented else {}
        cells.append(Cell("RFT", "RFT", seed, "test", (), {}, found))
        if augmented:
            made = [augment_step(folder, found["augment"], 30 + seed), audit_step(folder, found["audit"])]
            steps |= {step.name: step for step in made}
    return LoadedRun(folder, {"arms": {"RFT": {}}}, "", {}, tuple(cells), (), steps)


def test_a_run_without_sampling_has_no_section(tmp_path):
    assert paths_section(run_of(tmp_path, augmented=False), "r1") is None


def test_samples_shares_curves_and_false_accepts_are_shown_with_intervals(tmp_path):
    section = paths_section(run_of(tmp_path, augmented=True), "r1")
    assert section is not None
    tables: dict[str, Table] = {table.caption: table for table in section.tables}
    (row,) = tables["What became of the samples"].rows
    assert row[0] == "RFT"
    assert row[5].startswith("3.05 (")
    assert tables["False accepts by filter"].rows[1][:3] == ("answer", "100", "10")
    assert tables["False accepts among what was kept"].rows[0][2] == "2"
    assert len(tables["Who found what in the pool"].rows) == 2
    assert [figure.name for figure in section.figures] == ["yield"]
    assert len(section.figures[0].csv.rows) == 6
