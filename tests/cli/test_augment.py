"""cotmill augment rft on the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.augment.samples import Sample
from cotmill.augment.store import SampleStore
from cotmill.cli.main import app
from cotmill.data.pool import Pool

GOLD = "3 + 4 = <<3+4=7>>7 hens. 7 * 2 = <<7*2=14>>14 eggs.\n#### 14"


@pytest.fixture
def sampled(tmp_path: Path) -> list[str]:
    """Options that name a store of three samples, and the data they were drawn for."""
    question = "She has 3 hens and buys 4. Each lays 2 eggs. How many eggs?"
    pool = Pool.from_rows([{"question": question, "gold": "14", "trace": GOLD}]).write(tmp_path / "data")
    store = SampleStore.open(tmp_path / "store")
    settings = store.add_settings({"temperature": 0.7})
    example = pool.column("example_id")[0].as_py()
    texts = [GOLD, "(3 + 4) * 2 = <<(3+4)*2=14>>14 eggs.\n#### 14", "#### 15"]
    store.add(
        Sample(example, "print", "small", "p", settings, n, n, text, 9, 9, "stop", 99)
        for n, text in enumerate(texts)
    )
    store.finish()
    return [
        "--samples",
        str(tmp_path / "store"),
        "--data",
        str(tmp_path / "data"),
        "--out",
        str(tmp_path / "rft"),
    ]


def test_samples_become_new_rows_beside_the_given_ones(sampled, tmp_path):
    result = CliRunner().invoke(app, ["augment", "rft", *sampled])
    assert result.exit_code == 0, result.output
    assert "1 new rows beside 1 given" in " ".join(result.output.split())
    assert len(Pool.open(tmp_path / "rft" / "pool")) == 2


def test_filters_can_be_off(sampled, tmp_path):
    options = ["--no-answer", "--no-equations", "--no-grounding", "--no-distinct"]
    result = CliRunner().invoke(app, ["augment", "rft", *sampled, *options])
    assert result.exit_code == 0, result.output
    assert len(Pool.open(tmp_path / "rft" / "pool")) == 4


@pytest.mark.parametrize(("option", "value"), [("--key", "sorted"), ("--mode", "script"), ("--keep", "best")])
def test_a_wrong_choice_names_the_option(sampled, option, value):
    result = CliRunner().invoke(app, ["augment", "rft", *sampled, option, value])
    assert result.exit_code == 2
    assert option in result.output
