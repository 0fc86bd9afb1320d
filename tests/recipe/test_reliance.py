"""The probe as a step of a recipe: what every model relies on, and whether a shift goes with a gain."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cotmill.core.files import read_json
from cotmill.recipe import load_recipe
from cotmill.recipe.plan import plan_recipe
from cotmill.recipe.run import prepare, run_recipe
from cotmill.report.read import LoadedRun, read_run
from cotmill.report.reliance import reliance_section

TEXT = """
name: probed
seeds: [0, 1]
data: {train: {lab: {rows: 16, defects: 0.0, max_steps: 2}}}
model: MODEL
train: {steps: 2, batch_size: 4, mask: 0.4}
evaluate: {tests: {in_domain: {lab: {set: in_domain, rows: 2}}}, max_new_tokens: 4}
probe: {lab: {set: in_domain, rows: 6}}
arms:
  SFT: {train: {mask: null}}
  MFT: {}
  base: {train: null}
compare_to: SFT
"""


@pytest.fixture
def recipe(tmp_path: Path, tiny_model: str):
    path = tmp_path / "probed.yaml"
    path.write_text(TEXT.replace("MODEL", tiny_model))
    return load_recipe(path)


def test_every_model_is_probed_once_and_a_base_that_all_seeds_share_is_one(recipe):
    steps = plan_recipe(recipe).steps.values()
    assert len([step for step in steps if step.kind == "probe"]) == 5


def test_a_run_says_what_its_models_rely_on(recipe, tmp_path):
    out = run_recipe(prepare(recipe, tmp_path / "run", workers=1))
    probes = pq.read_table(out / "probes.parquet").to_pylist()
    assert {(row["arm"], row["seed"]) for row in probes} == {
        (arm, seed) for arm in ("SFT", "MFT", "base") for seed in (0, 1)
    }
    assert all(0 <= row["question_share"] <= 1 for row in probes)
    (shift,) = read_json(out / "shifts.json")
    assert (shift["test"], shift["trainings"], shift["seeds"]) == ("in_domain", 2, 2)
    section = reliance_section(read_run(out), "r1")
    assert section is not None
    table = {row[0]: row for row in section.tables[0].rows}
    assert [table[name][-1] for name in ("SFT", "MFT", "base")] == ["2", "2", "1"]
    assert table["SFT"][-2] == ""
    assert "to" in table["MFT"][-2]
    assert len(section.figures[0].csv.rows) == 6


def test_a_run_without_a_probe_has_no_section(tmp_path):
    assert reliance_section(LoadedRun(tmp_path, {}, "", {}, (), (), {}), "r1") is None
