"""The page as a file: whole, deterministic, self-contained, bounded, readable."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest
from make_run import ARMS, Made, make_run

from cotmill.core.errors import RunError
from cotmill.core.files import read_json, write_json
from cotmill.report import build_report
from cotmill.report.budget import families
from cotmill.report.read import read_run, variant_name

VOID = {"meta", "link", "input", "img", "br", "path", "rect", "use"}
FEW = {name: ARMS[name] for name in ("all rows", "random 50%", "low loss 50%")}
SMALL = Made(rows=60, items=10, seeds=(0, 1), tests=("in_domain",), arms=FEW)


class Outline(HTMLParser):
    """Check that elements are closed in order, and collect what the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        self.links += [str(values[name]) for name in ("href", "src") if values.get(name)]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(page: Path) -> Outline:
    found = Outline()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def test_the_page_is_well_formed_and_every_anchor_has_its_target(page: Path) -> None:
    found = outline(page)
    assert not found.open
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)


def test_headings_go_down_one_level_at_a_time(page: Path) -> None:
    levels = outline(page).headings
    assert levels[0] == 1
    assert all(deeper - higher <= 1 for higher, deeper in pairwise(levels))


def test_the_page_fetches_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert all(link.startswith(("#", "data:", "made")) for link in outline(page).links)


def test_the_same_run_gives_the_same_bytes(page: Path, tmp_path: Path) -> None:
    again = build_report([make_run(tmp_path / "made")], tmp_path / "report.html")
    assert again.read_bytes() == page.read_bytes()
    names = sorted(path.name for path in (tmp_path / "report_files").iterdir())
    assert names
    for name in names:
        assert (tmp_path / "report_files" / name).read_bytes() == (
            page.parent / "report_files" / name
        ).read_bytes()


def test_other_times_change_only_the_section_on_times(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", SMALL)
    before = build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    for path in folder.glob("steps/*/timing.json"):
        write_json(path, {"seconds": 9999.0, "peak_memory_mb": 77.0, "started": "2031-01-01T00:00:00+00:00"})
    after = build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert after != before
    cut = re.compile(r'<section id="r1-cost".*?</section>', re.DOTALL)
    assert cut.sub("", after) == cut.sub("", before)


def test_numbers_beside_the_page_equal_those_inside_it(page: Path) -> None:
    links = [link for link in outline(page).links if link.startswith("data:text/csv")]
    inside = {unquote(link.partition(",")[2]) for link in links}
    folder = page.parent / "report_files"
    beside = {path.read_text() for path in folder.glob("*.csv") if not path.name.startswith("table-")}
    assert inside == beside
    assert len(beside) == 5


def test_the_accuracy_table_holds_the_means_of_the_results(page: Path, run_folder: Path) -> None:
    rows = pq.read_table(run_folder / "results.parquet").to_pylist()
    values = [row["accuracy"] for row in rows if row["arm"] == "low loss 50%" and row["test"] == "in_domain"]
    shown = f"<td>{100 * sum(values) / len(values):.1f}</td>"
    assert shown in page.read_text(encoding="utf-8")


def payloads(page: Path) -> list[dict[str, object]]:
    text = page.read_text(encoding="utf-8")
    return [
        json.loads(found)
        for found in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    ]


def test_every_answer_that_turned_right_is_embedded_before_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cotmill.report.items.MOST", 30)
    folder = make_run(tmp_path / "run", SMALL)
    page = build_report([folder], tmp_path / "report.html")
    items = payloads(page)[0]
    facet = items["facets"][-1]  # type: ignore[index]
    gained = facet["values"].index("wrong → right")
    embedded = sum(row[0][-1] == gained for row in items["rows"])  # type: ignore[attr-defined]
    wins = sum(one["wins"] for one in read_json(folder / "comparisons.json"))
    assert embedded == wins
    assert len(items["rows"]) == 30  # type: ignore[arg-type]
    assert f"30 of {len(FEW) * 2 * 10} rows are embedded" in page.read_text(encoding="utf-8")


def test_hostile_text_is_escaped_everywhere(hostile_page: Path) -> None:
    text = hostile_page.read_text(encoding="utf-8")
    assert "<script>window" not in text
    assert "<img" not in text
    assert "49" not in re.findall(r"--&gt;|\{\{ 7 \* 7 \}\}", text)
    assert not re.search("[\x00-\x08\u202e\u2028]", text)
    assert not outline(hostile_page).open


def test_texts_of_ten_million_characters_leave_a_small_page(tmp_path: Path) -> None:
    made = replace(
        SMALL, rows=1, items=1, seeds=(0,), arms={"all": {}}, compare_to="all", hostile="x" * 10_000_000
    )
    page = build_report([make_run(tmp_path / "run", made)], tmp_path / "report.html")
    assert page.stat().st_size < 500_000


def test_the_rows_of_the_viewers_stay_within_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cotmill.report.build.BYTES", 40_000)
    made = replace(SMALL, items=20, hostile="y" * 1_500)
    page = build_report([make_run(tmp_path / "run", made)], tmp_path / "report.html")
    sizes = [len(json.dumps(payload)) for payload in payloads(page)]
    assert sum(sizes) < 50_000
    assert all(payload["rows"] for payload in payloads(page))


def test_several_runs_become_chapters(run_folder: Path, tmp_path: Path) -> None:
    other = make_run(
        tmp_path / "other", replace(SMALL, seeds=(0,), arms={"all": {}}, compare_to="all", name="other")
    )
    page = build_report([run_folder, other], tmp_path / "both.html")
    found = outline(page)
    assert len(found.ids) == len(set(found.ids))
    assert found.headings.count(1) == 2
    assert (tmp_path / "both_files" / "r2" / "accuracy.csv").is_file()


def test_one_arm_one_seed_and_no_selection_still_make_a_page(tmp_path: Path) -> None:
    made = replace(SMALL, seeds=(0,), arms={"all": {}}, compare_to="all")
    folder = make_run(tmp_path / "run", made)
    for name in ("results.parquet", "comparisons.json"):
        (folder / name).unlink()
    text = build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What was done" in text
    assert "Findings" not in text


def test_a_folder_that_is_no_run_is_refused_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no recipe\.yaml.*cotmill run RECIPE"):
        build_report([tmp_path], tmp_path / "report.html")


def test_arms_that_differ_only_in_rows_make_one_curve(run_folder: Path) -> None:
    found = families(read_run(run_folder))
    assert found["random"] == ["random 50%", "random 25%"]
    assert found["low loss"] == ["low loss 50%", "low loss 25%"]
    assert found["all rows"] == ["all rows"]


def test_grid_points_that_differ_only_in_rows_make_one_curve(run_folder: Path) -> None:
    run = read_run(run_folder)
    cells = tuple(
        replace(cell, variant=f"{cell.arm} [rows = {rows}]", grid=(("data.train.lab.rows", rows),))
        for cell in run.cells
        for rows in ("100", "200")
        if cell.arm in ("all rows", "shortest 50%")
    )
    found = families(replace(run, cells=cells))
    assert {name: len(members) for name, members in found.items()} == {"all rows": 2, "shortest 50%": 2}


def test_grid_points_are_named_by_their_last_word() -> None:
    assert (
        variant_name("random", [("data.train.limit", "500"), ("model", "a")])
        == "random [limit = 500, model = a]"
    )


def test_the_pool_of_a_selection_is_found_through_its_inputs(run_folder: Path) -> None:
    run = read_run(run_folder)
    step = next(step for step in run.steps.values() if step.kind == "select")
    pool = run.pool_of(step)
    assert pool is not None
    assert (pool / "pool.json").is_file()


def test_the_script_is_small_and_writes_text_only() -> None:
    script = files("cotmill.report").joinpath("templates", "report.js").read_text(encoding="utf-8")
    assert len(script.splitlines()) < 250
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(", script
    )


def themes() -> dict[str, dict[str, str]]:
    css = files("cotmill.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r"(:root[^{]*)\{([^}]*)\}", css)
    found = {head.strip(): dict(re.findall(r"--([\w]+): (#[0-9a-f]{3,6});", body)) for head, body in blocks}
    assert found[':root[data-theme="dark"]'] == found[':root:not([data-theme="light"])']
    return {"light": found[":root"], "dark": found[':root[data-theme="dark"]']}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_curves_stand_out_from_their_ground(theme: str) -> None:
    colours = themes()[theme]
    for ground in ("paper", "ground", "faint"):
        for text in ("ink", "muted", "accent", "good", "bad"):
            # WCAG 2.2 AA: 4.5 for text, 3 for what is drawn.
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for curve in (f"c{n}" for n in range(1, 9)):
        assert contrast(colours[curve], colours["paper"]) >= 3, curve
