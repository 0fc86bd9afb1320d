"""The paper's tables: our fits against numbers that were worked out by hand from the same tables."""

import json
from pathlib import Path

import pytest

from cotmill.report.laws import laws_page
from cotmill.report.pages import as_markdown, write_page
from cotmill.study.fit import fit_all
from cotmill.study.table import find_table, read_table

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def found():
    return fit_all(read_table(find_table("rft")), source="rft")


@pytest.fixture(scope="module")
def page(found):
    return laws_page(found)


def test_slopes_per_doubling_from_an_eighth_of_the_data_on(found):
    slopes = {c["model"]: 100 * c["last_slope"]["value"] for c in found["curves"] if c["method"] == "SFT"}
    assert [round(value, 1) for value in slopes.values()] == [6.2, 6.6, 7.9, 5.8, 5.2, 4.5, 1.9]


def test_slopes_against_pretraining_loss(found):
    wanted = {
        "8-shot prompt": (14.7, 0.97), "SFT": (10.6, 0.99), "RFT k=100": (7.4, 0.88),
        "pooled RFT U13B": (4.4, 0.94), "pooled RFT U33B": (5.1, 0.98),
    }  # fmt: skip
    for one in found["bases"]:
        if one["method"] in wanted:
            line = next(line for line in one["predictors"] if line["name"] == "loss")
            assert line["bases"] == 5
            assert (round(100 * line["slope"]["value"], 1), round(line["explained"], 2)) == wanted[
                one["method"]
            ]


def test_loss_foretells_a_base_better_than_its_size_does(found):
    for one in found["bases"]:
        errors = {line["name"]: line.get("held_out") for line in one["predictors"]}
        assert errors["loss"] < errors["parameters"]


def test_gain_per_doubling_of_distinct_paths(found):
    slopes = [round(100 * curve["slope"]["value"], 1) for curve in found["paths"]]
    assert slopes == [1.6, 1.7, 2.5, 1.4]
    assert all(0.83 < curve["correlation"] < 0.94 for curve in found["paths"])


def test_stronger_bases_gain_less_from_the_pool(found):
    one = next(one for one in found["strength"] if one["method"] == "pooled RFT U13B")
    assert one["slope"]["high"] < 0
    assert one["slope"]["value"] < one["corrected"] < 0


def test_every_interval_holds_its_value(found):
    def walk(tree):
        if isinstance(tree, dict):
            if {"value", "low", "high"} <= tree.keys():
                assert tree["low"] <= tree["value"] <= tree["high"]
            for below in tree.values():
                walk(below)
        elif isinstance(tree, list):
            for below in tree:
                walk(below)

    walk(found)
    json.dumps(found, allow_nan=False)


def test_the_page_stands_alone_and_its_figures_lie_beside_it(page, tmp_path):
    out = write_page(page, tmp_path / "rft.html")
    text = out.read_text()
    assert "<script" not in text
    assert "Content-Security-Policy" in text
    for name in ("accuracy-against-data", "extrapolation", "gain-against-strength", "accuracy-against-paths"):
        assert (tmp_path / "rft_files" / f"{name}.svg").is_file()
        assert (tmp_path / "rft_files" / f"{name}.csv").is_file()
    assert "+6.2 (" in out.with_suffix(".md").read_text()


def test_the_documentation_shows_these_fits(page):
    shown = (DOCS / "scaling.md").read_text()
    assert as_markdown(page, "images/scaling/", level=2) in shown, "stale; type: make docs"
    for name in ("accuracy-against-data", "accuracy-against-bases-1", "gain-against-strength"):
        assert (DOCS / "images" / "scaling" / f"{name}.svg").is_file()
