"""The dependency probe: against models whose dependence is known, since it was put into them."""

from __future__ import annotations

import json
import types

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional
from transformers import AutoTokenizer
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.lab import make_test
from cotmill.lab.tokenizer import write_tokenizer
from cotmill.measure.dependency.conflict import conflicts
from cotmill.measure.dependency.influence import probe
from cotmill.measure.dependency.numbers import Reader, another
from cotmill.measure.dependency.summary import bin_name, bins_of, conflict_summary, influence_summary
from cotmill.model.load import LanguageModel


class RuleModel(torch.nn.Module):
    """Predicts, everywhere, the token that a rule finds before; its dependence is that of the rule."""

    def __init__(self, rule) -> None:
        super().__init__()
        self.rule = rule
        # A head that is more than a matrix product, so that the logits are asked for whole.
        text = types.SimpleNamespace(logit_scale=2.0)
        self.config = types.SimpleNamespace(get_text_config=lambda: text)
        self.device, self.dtype = torch.device("cpu"), torch.float32

    def forward(self, input_ids, **_):
        found = torch.stack([torch.stack([self.rule(line[: end + 1]) for end in range(len(line))])
                             for line in input_ids])  # fmt: skip
        return types.SimpleNamespace(logits=5.0 * functional.one_hot(found, 832).float())


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def digits(tokenizer):
    return torch.tensor([tokenizer(str(n))["input_ids"][0] for n in range(10)])


def model_of(tokenizer, rule) -> LanguageModel:
    return LanguageModel(RuleModel(rule), tokenizer, "rule", "")


def first_digit(digits):
    return lambda seen: next((token for token in seen if token in digits), seen[-1])


def last_digit(digits):
    return lambda seen: next((token for token in seen.flip(0) if token in digits), seen[-1])


STORY = {
    "question": "Ann has 3 pens. Bob has 4 fewer. How many?",
    "trace": "So Bob has <<3+4=7>>7 pens.\nThe total is <<3+7=8>>8 pens.\n#### 8",
    "gold": "8",
}


@pytest.fixture(scope="module")
def story() -> Pool:
    return Pool.from_rows([STORY])


def test_numbers_are_found_with_their_tokens_lines_and_roles(tokenizer):
    full = STORY["question"] + "\n" + STORY["trace"]
    read = Reader(tokenizer).read("a", STORY["question"] + "\n", full)
    assert [(number.text, number.line, number.role) for number in read.numbers] == [
        ("3", -1, "question"), ("4", -1, "question"),
        ("3", 0, "operand"), ("4", 0, "operand"), ("7", 0, "result"), ("7", 0, "copy"),
        ("3", 1, "operand"), ("7", 1, "operand"), ("8", 1, "result"), ("8", 1, "copy"),
        ("8", 2, "answer"),
    ]  # fmt: skip
    for number in read.numbers:
        assert tokenizer.decode(read.ids[number.first : number.last]).strip() == number.text


def test_another_number_has_as_many_digits_and_stands_nowhere_in_the_text(tokenizer):
    reader = Reader(tokenizer)
    read = reader.read("a", "Ann has 30 of 41 pens.\n", "Ann has 30 of 41 pens.\n41-30=11")
    drawn = {another(read, read.numbers[0], seed) for seed in range(50)}
    assert all(len(text) == 2 and text not in {"30", "41", "11"} and text[0] != "0" for text in drawn)
    assert len(drawn) > 20
    ids = reader.altered(read, [read.numbers[0]], "77")
    assert tokenizer.decode(ids) == "Ann has 77 of 41 pens.\n41-30=11"
    assert reader.altered(read, [read.numbers[0]], "777") is None


def test_a_model_that_copies_the_first_number_depends_on_it_alone(tokenizer, digits, story):
    table = probe(model_of(tokenizer, first_digit(digits)), story).to_pylist()
    changed = [pair for pair in table if pair["changed"]]
    still = [pair for pair in table if not pair["changed"] and pair["source"] == "question"]
    assert len(changed) == len(still) == 9, "from each of two numbers to each of the nine in the solution"
    assert {pair["source"] for pair in changed} == {"question"}
    assert {pair["source"] for pair in table} == {"question", "same line", "earlier line"}
    apart = sorted(far["distance"] - near["distance"] for far, near in zip(changed, still, strict=True))
    assert apart[0] == apart[-1] > 0


def test_a_model_that_copies_the_last_number_depends_on_its_neighbour_alone(tokenizer, digits, story):
    table = probe(model_of(tokenizer, last_digit(digits)), story).to_pylist()
    changed = [pair["distance"] for pair in table if pair["changed"]]
    assert len(changed) == 9, "one neighbour for each of the nine numbers of the solution"
    whole = [pair["distance"] for pair in table if (pair["source"], pair["role"]) == ("question", "answer")]
    assert sum(changed) == min(whole), "the gaps from number to number, added up"


def test_the_fall_is_of_the_right_tokens_log_probability(tokenizer, digits, story):
    table = probe(model_of(tokenizer, first_digit(digits)), story).to_pylist()
    sure = [pair["fall"] for pair in table if pair["changed"] and pair["role"] == "operand"]
    # The first operand of both lines is the 3 that the model copies: right before, wrong after.
    assert sorted(sure)[-2:] == pytest.approx([5.0, 5.0], abs=1e-3)
    assert all(pair["fall"] == pytest.approx(0.0, abs=1e-6) for pair in table if not pair["changed"])


def test_in_a_conflict_each_rule_follows_its_own_side(tokenizer, digits, story):
    for rule, follows in ((first_digit(digits), True), (in_solution(digits), False)):
        rows = conflicts(model_of(tokenizer, rule), story).to_pylist()
        sides = {(row["kind"], row["altered"]): row["follows_question"] for row in rows}
        assert sides["given", "nothing"] is True
        assert sides["given", "steps"] is follows
        assert sides["given", "question"] is follows
        assert ("result", "question") not in sides


def in_solution(digits):
    """Copy the third number of the text: the first of the solution, as soon as it is there."""

    def rule(seen):
        found = [token for token in seen if token in digits]
        return found[2] if len(found) > 2 else found[0] if found else seen[-1]

    return rule


def test_the_lab_knows_which_values_belong_to_one_quantity(tokenizer):
    pool = make_test("in_domain", 0, 40, min_steps=2, max_steps=3)
    table = conflicts(model_of(tokenizer, lambda seen: seen[-1]), pool).to_pylist()
    assert {row["kind"] for row in table} == {"given", "result"}
    graphs = dict(zip(pool.ids, pool.column("lab_graph").to_pylist(), strict=True))
    for row in table:
        kinds = {node[1] for node in json.loads(graphs[row["row_id"]])["nodes"]}
        assert row["kind"] in kinds
        assert row["distance"] > 0


def made(rows: int, share: float, source: str = "question") -> pa.Table:
    """Make a table of pairs with a known share of changes."""
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "row_id": [f"{row // 4:05d}" for row in range(4 * rows)],
            "source": [source if row % 2 else "same line" for row in range(4 * rows)],
            "role": ["result"] * (4 * rows),
            "distance": pa.array([5 if row % 2 == 0 else 40 for row in range(4 * rows)], pa.int32()),
            "changed": (rng.random(4 * rows) < share).tolist(),
        }
    )


def test_intervals_cover_what_was_put_in_and_differences_are_paired():
    found = influence_summary({"a": made(400, 0.3), "b": made(400, 0.6)}).to_pylist()
    cell = {(row["model"], row["source"], row["distance"]): row for row in found}
    one = cell["a", "question", "32-63"]
    assert one["influence_low"] < 0.3 < one["influence_high"]
    assert one["influence_high"] - one["influence_low"] == pytest.approx(
        2 * 1.96 * (0.21 / 800) ** 0.5, rel=0.2
    )
    apart = cell["b - a", "all", "all"]
    assert apart["influence_low"] < 0.3 < apart["influence_high"]
    assert cell["a", "all", "all"]["share"] == 1
    assert sum(cell["a", source, "all"]["share"] for source in ("question", "same line")) == pytest.approx(1)
    same = influence_summary({"a": made(50, 0.3), "b": made(50, 0.3)}).to_pylist()
    assert {row["influence_low"] for row in same if row["model"] == "b - a"} == {0.0}


def test_distances_fall_into_bins_that_doubles_begin():
    assert [bin_name(int(place)) for place in bins_of(np.array([1, 7, 8, 63, 64, 1_000]))] == [
        "1-7", "1-7", "8-15", "32-63", "64-127", "128+",
    ]  # fmt: skip


def test_shares_that_follow_the_question_have_intervals_too():
    table = pa.table(
        {
            "row_id": [f"{row:04d}" for row in range(200)],
            "kind": ["given"] * 200,
            "altered": ["steps"] * 200,
            "follows_question": [row % 4 == 0 for row in range(200)],
        }
    )
    (row,) = conflict_summary({"a": table}).to_pylist()
    assert row["items"] == 200
    assert row["follows"] == 0.25
    assert row["follows_low"] < 0.25 < row["follows_high"]


def test_rows_without_numbers_are_refused_with_a_sentence(tokenizer, digits):
    bare = Pool.from_rows([{"question": "How many?", "trace": "None at all."}])
    with pytest.raises(DataError, match="none of the 1 rows has a number"):
        probe(model_of(tokenizer, first_digit(digits)), bare)
    with pytest.raises(DataError, match="none of the 1 rows uses a number in two lines"):
        conflicts(model_of(tokenizer, first_digit(digits)), bare)


def test_two_models_are_compared_from_files_to_figures(tmp_path):
    runner = CliRunner()
    told = ["lab", "problems", "--kind", "in_domain", "--rows", "12", "--min-steps", "2"]
    assert runner.invoke(app, [*told, "--out", str(tmp_path / "test.jsonl")]).exit_code == 0
    told = ["measure", "dependency", "lab:llama-0.25m", "lab:llama-0.25m@random", "--threads", "1"]
    told += ["--data", str(tmp_path / "test.jsonl"), "--rows", "10", "--out", str(tmp_path / "out")]
    result = runner.invoke(app, told)
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "pairs.parquet", "influence.parquet", "conflict_items.parquet", "conflict.parquet", "influence.svg",
        "conflict.svg", "dependency.json",
    }  # fmt: skip
    models = set(pq.read_table(tmp_path / "out" / "influence.parquet")["model"].to_pylist())
    one, two = "lab:llama-0.25m", "lab:llama-0.25m@random"
    assert models == {one, two, f"{two} - {one}"}
    assert (tmp_path / "out" / "influence.svg").read_text().startswith("<svg")
    assert "comes from the question; of its alterations" in result.output
