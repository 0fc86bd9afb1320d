"""What SECURITY.md promises and no linter sees: names stay inside folders, settings inside the package."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.core.runs import StepRecord
from cotmill.data import read_pool
from cotmill.report.text import slug

ROOT = Path(__file__).parents[2]
NASTY = [
    "../../escaped",
    "/etc/escaped",
    "a/b",
    "..",
    ".",
    "",
    "a\x00b",
    "con:aux",
    "ä\u202eb",
    "x" * 400,
    "-rf",
    "~",
]


@pytest.mark.parametrize("name", NASTY)
def test_a_name_from_data_becomes_a_harmless_file_name(name: str) -> None:
    made = slug(name)
    assert made
    assert len(made) <= 120
    assert re.fullmatch(r"[\w-]+", made, re.ASCII), made
    assert Path("folder", made).parent == Path("folder")


@pytest.mark.parametrize("name", ["../../escaped", "a/b", "/abs", ".."])
def test_a_recipe_cannot_name_its_way_out_of_its_folder(tmp_path: Path, name: str) -> None:
    recipe = tmp_path / "here" / "mine.yaml"
    recipe.parent.mkdir()
    text = json.dumps(
        {
            "name": name,
            "about": "x",
            "data": {"train": {"lab": {"rows": 20}}},
            "model": "lab:llama-0.25m",
            "arms": {name + " ": {"select": {"method": "random", "budget": "50%"}}},
        }
    )
    recipe.write_text(text)
    before = sorted(path for path in tmp_path.rglob("*"))
    out = tmp_path / "here" / "run"
    result = CliRunner().invoke(app, ["run", str(recipe), "--out", str(out), "--dry-run"])
    assert result.exit_code in (0, 2), result.output
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_no_recipe_name_leads_out_of_the_folder_of_runs(tmp_path: Path) -> None:
    from cotmill.core.errors import RecipeError
    from cotmill.recipe.load import recipe_of_text
    from cotmill.recipe.run import prepare

    for name in ("../../escaped", "/abs", "..", "a/../../b"):
        data = "data: {train: {lab: {rows: 9}}}\nmodel: lab:llama-0.25m\n"
        text = f"name: {json.dumps(name)}\nabout: x\n{data}"
        try:
            folder = prepare(recipe_of_text(text)).folder
        except RecipeError:
            continue
        assert folder.resolve().parent == Path("runs").resolve(), name


def test_a_step_is_named_by_letters_and_digits() -> None:
    assert re.fullmatch(r"toy-[0-9a-f]{16}", StepRecord("toy", 1, {"name": "../../x"}).name)


def test_a_source_that_is_a_path_stays_a_word(tmp_path: Path) -> None:
    rows = [{"question": f"Q{n}", "answer": "#### 1", "source": "../../escaped"} for n in range(4)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pool = read_pool(tmp_path / "x.jsonl", out=tmp_path / "pool")
    assert set(pool.column("source").to_pylist()) == {"../../escaped"}
    assert not (tmp_path.parent.parent / "escaped").exists()


def test_no_code_of_a_repository_is_ever_trusted() -> None:
    for path in sorted((ROOT / "src").rglob("*.py")):
        assert "trust_remote_code=True" not in path.read_text(), path


def test_the_checks_that_security_names_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    for named in re.findall(r"`((?:tests|benchmarks|docs)/[\w/.]+)`", text):
        assert (ROOT / named).exists(), named
