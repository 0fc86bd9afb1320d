"""What was done, in words, and in the order in which the recipe says it."""

from pathlib import Path

from cotmill.report.findings import findings
from cotmill.report.read import Cell, Comparison, LoadedRun, variant_name
from cotmill.report.words import arms_table

RECIPE = {
    "arms": {"SFT": {"train": {"mask": None}}, "MFT": {}, "base": {"train": None}},
    "grid": {"train.epochs": [3, 5, 10]},
    "compare_to": "SFT",
}


def loaded() -> LoadedRun:
    """Two arms at three grid points, in no order."""
    points = [(("train.epochs", epochs),) for epochs in ("10", "3", "5")]
    cells = tuple(
        Cell(variant_name(arm, point), arm, 0, "t", point, {}, {})
        for point in points
        for arm in ("MFT", "SFT")
    )
    comparisons = tuple(
        Comparison(variant_name("MFT", point), variant_name("SFT", point), "t", 0.1, 0.05, 0.15, 9, 2, {})
        for point in points
    )
    return LoadedRun(Path("run"), RECIPE, "", {}, cells, comparisons, {})


def test_an_arm_that_takes_something_away_says_so():
    table = arms_table(loaded())
    assert table is not None
    assert [row[1] for row in table.rows] == ["train (mask none)", "the recipe as it stands", "train none"]


def test_grid_points_stand_in_the_order_of_the_recipe():
    assert [name for name in loaded().variants if name.startswith("SFT")] == [
        "SFT [epochs = 3]", "SFT [epochs = 5]", "SFT [epochs = 10]",
    ]  # fmt: skip


def test_a_summary_over_grid_points_names_the_reference_once():
    (found,) = findings(loaded())
    assert found.summary.startswith("Against “SFT” at the same grid point, ")
