"""`cotmill report` as it is typed."""

from pathlib import Path

from typer.testing import CliRunner

from cotmill.cli.main import app


def test_the_command_writes_the_page_and_says_where(run_folder: Path, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["report", str(run_folder), "--out", str(tmp_path / "page.html")])
    assert found.exit_code == 0, found.output
    assert (tmp_path / "page.html").is_file()
    assert (tmp_path / "page_files" / "accuracy.csv").is_file()
    assert "page.html" in found.output


def test_a_folder_that_is_no_run_ends_with_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["report", str(tmp_path), "--out", str(tmp_path / "page.html")])
    assert found.exit_code == 2
    assert "holds no recipe.yaml" in found.output
    assert not (tmp_path / "page.html").exists()
