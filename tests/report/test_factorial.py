"""The section on factors: its sentences follow from the numbers, and its costs from the steps."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from make_run import Made, make_run

from cotmill.core.factors import combinations
from cotmill.core.files import write_json, write_text
from cotmill.core.ids import rng_of
from cotmill.recipe.effects import effects
from cotmill.report.build import build_report
from cotmill.report.conclusions import conclusions
from cotmill.report.crossed import crossed, spent
from cotmill.report.read import read_run

FACTORS = {
    "pruning": {"none": {}, "S2L": {"select": {"method": "s2l"}}},
    "noise": {"plain": {}, "masked": {"train": {"mask": 0.4}}},
}
DESIGN = {name: tuple(levels) for name, levels in FACTORS.items()}


def answered(means: dict[str, float], *, seeds: int = 5, items: int = 400) -> dict:
    """Answers of every arm whose mean is near what is told."""
    luck = rng_of(3, "luck").random((seeds, items))
    return {
        arm: {
            seed: {f"q{n}": float(value) for n, value in enumerate(row)}
            for seed, row in enumerate((luck < mean).astype(float))
        }
        for arm, mean in means.items()
    }


def crossed_run(folder: Path, means: dict[str, float], seeds: int = 5) -> Path:
    """A made-up Run of two factors, with the effects and costs that a real one would hold."""
    arms = {arm: {} for arm in combinations(DESIGN)}
    make_run(
        folder, Made(rows=20, items=8, seeds=(0, 1), tests=("in_domain",), arms=arms, compare_to="baseline")
    )
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    recipe |= {"factors": FACTORS, "contrasts": {"masking, not S2L": {"masked": 1, "S2L": -1}}}
    del recipe["arms"]
    write_text(folder / "recipe.yaml", yaml.safe_dump(recipe, sort_keys=False))
    found = effects(answered(means, seeds=seeds), DESIGN, {"masking, not S2L": {"masked": 1.0, "S2L": -1.0}})
    write_json(folder / "effects.json", [{"grid": {}, "test": "in_domain", **(found or {})}])
    costs = [
        {
            "arm": arm,
            "seed": seed,
            "kind": kind,
            "steps": 1,
            "tokens": 1e6,
            "operations": 1e12 * (n + 1),
            "counted": True,
        }
        for n, arm in enumerate(arms)
        for seed in (0, 1)
        for kind in ("train", "helpers")
    ]
    pq.write_table(pa.Table.from_pylist(costs), folder / "costs.parquet")
    return folder


def test_sentences_say_what_the_numbers_say(tmp_path: Path):
    means = {"baseline": 0.30, "masked": 0.45, "S2L": 0.31, "S2L + masked": 0.80}
    said = conclusions(read_run(crossed_run(tmp_path / "run", means)))
    text = "\n".join(said)
    assert "“S2L + masked” has the highest mean of 4 arms" in said[0]
    assert "comes first in 100.0" in said[0]
    assert "every other arm can be told apart" in said[0]
    assert said[0].endswith("400 questions, 5 seeds.")
    assert "better with “" in said[1]
    assert "Of 1 interactions 1 has an interval without zero" in text
    assert "depends on the other" in text
    assert "1 bring more than their parts do alone in sum, 0 less" in text
    assert "more than the sum" in text
    assert "masking, not S2L: +1" in text
    assert "4.0 times the operations of the baseline" in text


def test_where_nothing_is_found_nothing_is_claimed(tmp_path: Path):
    same = dict.fromkeys(("baseline", "masked", "S2L", "S2L + masked"), 0.4)
    folder = crossed_run(tmp_path / "run", same, seeds=2)
    said = conclusions(read_run(folder))
    assert not any(word in "\n".join(said) for word in ("better", "worse", "more than the sum"))
    assert "not told apart with" in said[1]
    assert any("none holds when all are counted" in one for one in said)


def test_one_seed_is_said(tmp_path: Path):
    means = {"baseline": 0.30, "masked": 0.45, "S2L": 0.31, "S2L + masked": 0.60}
    said = conclusions(read_run(crossed_run(tmp_path / "run", means, seeds=1)))
    assert "1 seed. There is one seed" in said[0]


def test_a_loss_of_two_factors_is_said_as_a_loss(tmp_path: Path):
    means = {"baseline": 0.6, "masked": 0.4, "S2L": 0.35, "S2L + masked": 0.1}
    said = conclusions(read_run(crossed_run(tmp_path / "run", means)))
    assert "no arm has a higher one than the baseline" in said[0]
    assert "worse with" in said[1]


def test_costs_are_means_over_seeds_of_all_that_a_training_rests_on(tmp_path: Path):
    run = read_run(crossed_run(tmp_path / "run", dict.fromkeys(combinations(DESIGN), 0.5)))
    found = spent(run)
    assert found["masked"].tokens == 2e6
    assert found["masked"].operations == 4e12
    cells = [cell for cell in run.cells if cell.arm == "masked"]
    times = [
        sum(float(run.steps[name].timing["seconds"]) for name in (cell.steps["train"], cell.steps["data"]))
        for cell in cells
    ]
    assert found["masked"].seconds == pytest.approx(np.mean(times))


def test_the_page_has_a_section_a_figure_and_csv(tmp_path: Path):
    means = {"baseline": 0.30, "masked": 0.45, "S2L": 0.31, "S2L + masked": 0.60}
    page = build_report([crossed_run(tmp_path / "run", means)], tmp_path / "report.html")
    text = page.read_text(encoding="utf-8")
    assert "What each factor brings" in text
    assert "Arms on in_domain and what they took" in text
    assert text.index("Time of all that each arm") > text.index('class="wall-clock"')
    rows = (tmp_path / "report_files" / "factors.csv").read_text().splitlines()
    assert rows[0].startswith("test,grid,kind,name,difference")
    assert len(rows) == 1 + 3 + 2 + 2 + 1
    assert sum(line.startswith("in_domain,,main,") for line in rows) == 2


def test_a_run_without_factors_has_no_section(run_folder: Path):
    run = read_run(run_folder)
    assert crossed(run) == ()
    assert conclusions(run) == ()
