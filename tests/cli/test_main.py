"""The command line as a person meets it: help at once, exit codes that can be relied on."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from typer.testing import CliRunner

from cotmill.cli import main, reference
from cotmill.core.errors import DataError

CALL = "from cotmill.cli.main import main; main()"


def timed(*arguments: str) -> float:
    """Time one start of Python."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def test_help_answers_at_once_and_imports_nothing_heavy() -> None:
    ratios = []
    for _ in range(5):
        bare = timed("-c", "import encodings, argparse, json")
        ratios.append((timed("-c", CALL, "--help"), bare))
    seconds = statistics.median(total for total, _ in ratios)
    # On a machine under load every start is slow; what is ours is the part beyond a bare interpreter's.
    slowdown = max(1.0, statistics.median(bare for _, bare in ratios) / 0.03)
    assert seconds < 0.3 * slowdown, f"--help took {seconds:.2f} s"


def test_help_imports_no_verb_and_no_heavy_package() -> None:
    probe = (
        "import sys; from cotmill.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'pyarrow', 'numpy', 'sklearn', 'scipy', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_every_verb_has_a_line_of_help_and_loads() -> None:
    result = CliRunner().invoke(main.app, ["--help"])
    assert result.exit_code == 0
    for verb, module in main.verbs().items():
        assert verb in result.output
        for name in [module] if isinstance(module, str) else module.values():
            assert main.LazyVerb(verb, name).load() is not None
            assert main.LazyVerb(verb, name).help


def test_an_error_of_the_user_is_a_sentence_and_exit_code_2(monkeypatch: object) -> None:
    def fail(_: object) -> None:
        raise DataError("pool.jsonl has no rows")

    monkeypatch.setattr(main.LazyVerb, "load", fail)  # type: ignore[attr-defined]
    verb = next(name for name, module in main.verbs().items() if isinstance(module, str))
    result = CliRunner().invoke(main.app, [verb])
    assert result.exit_code == 2
    assert "error: pool.jsonl has no rows" in result.output
    assert "Traceback" not in result.output
    assert "Traceback" in CliRunner().invoke(main.app, ["--traceback", verb]).output


def test_an_unknown_verb_is_answered_with_the_nearest() -> None:
    result = CliRunner().invoke(main.app, ["rnu"])
    assert result.exit_code == 2
    assert "did you mean 'run'" in result.output


def test_version() -> None:
    assert CliRunner().invoke(main.app, ["--version"]).output.startswith("cotmill 0.")


def test_the_reference_renders_every_verb_the_same_twice() -> None:
    page = reference()
    assert page == reference()
    for verb in main.verbs():
        assert f"## cotmill {verb}" in page
    assert all(len(line) <= 100 for line in page.splitlines())


def test_the_command_line_page_says_what_the_help_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    assert page.read_text(encoding="utf-8") == reference(), "the help has changed; type: make docs"
