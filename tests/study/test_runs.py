"""From a person's own file to a plan, as docs/planner.md walks through it, with a tiny model."""

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.cli.main import app
from cotmill.core.errors import RunError
from cotmill.lab.models import ASSETS, POSITIONS, VOCABULARY
from cotmill.lab.pools import make_pool
from cotmill.study.runs import facts_of_base, read_runs

DOCS = Path(__file__).parents[2] / "docs"
SMALLER = (
    "seeds=[0]", "grid.data.train.limit=[8, 16, 32]", "train.epochs=0.5", "evaluate.max_new_tokens=6",
    "data.train.hold_aside=12", "evaluate.tests.held_out.held_aside=12", "arms.RFT.sample.k=1",
    "arms.RFT.sample.questions=2", "arms.RFT.sample.max_new_tokens=4",
)  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Follow the page: a file, the recipe on it, the commands; give the folder and what was said."""
    folder = tmp_path_factory.mktemp("mine")
    model = folder / "model"
    model.mkdir()
    shape = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": VOCABULARY,
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "tie_word_embeddings": True, "max_position_embeddings": POSITIONS,
        "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2,
    }  # fmt: skip
    (model / "config.json").write_text(json.dumps(shape))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ASSETS / name, model / name)
    rows = make_pool(0, 64, max_steps=2).without_labels().rows()
    lines = [json.dumps({"question": row["question"], "answer": row["trace"]}) for row in rows]
    (folder / "my.jsonl").write_text("\n".join(lines))
    recipe = re.search(r"```yaml\n(.*?)```", (DOCS / "planner.md").read_text(), re.S)
    assert recipe is not None
    fewer = re.sub(r"  (pruned|masked): .*\n", "", recipe[1])  # two arms less, for time
    (folder / "mine.yaml").write_text(fewer.replace("my/model", f"{model}@random"))
    sets = [part for one in SMALLER for part in ("--set", one)]
    run = folder / "run"
    said = {
        "dry": call("study", "scaling", folder / "mine.yaml", "--out", run, "--dry-run", *sets),
        "scaling": call("study", "scaling", folder / "mine.yaml", "--out", run, "--workers", "1", *sets),
        "plan": call(
            "study", "plan", run, "--out", folder / "plan.html", "--hour-price", "1", "--label-price", "0.5"
        ),
    }
    return folder, said


def call(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.output


@pytest.mark.slow
def test_the_walk_through_of_the_planner_works_as_written(told):
    folder, said = told
    assert "RFT k=1 · 32 rows" in said["dry"]
    assert "to go" in said["dry"]
    assert "tokens measured" in said["scaling"]
    assert "points a doubling" in said["scaling"]
    for name in ("scaling.html", "scaling.md", "scaling.json"):
        assert (folder / "run" / "study" / name).is_file()
    assert "label 32 more" in said["plan"]
    assert "not known: mask; run an arm" in said["plan"]
    plan = json.loads((folder / "plan.json").read_text())
    assert {"RFT k=1", "label 32 more"} <= {move["name"] for move in plan["moves"]}
    label = next(move for move in plan["moves"] if move["kind"] == "label")
    assert label["cost"]["label_money"] == 16.0


@pytest.mark.slow
def test_a_run_is_read_with_every_answer_and_what_it_took(told):
    folder, _ = told
    points = read_runs([folder / "run"])
    assert len(points) == 6
    plain = next(point for point in points if (point.method, point.rows) == ("SFT", 32.0))
    assert plain.table is not None
    assert plain.table.shape == (1, 12)
    assert plain.facts["training_flops"] > 0
    sampled = next(point for point in points if (point.method, point.rows) == ("RFT k=1", 32.0))
    assert sampled.facts["paths"] >= 1
    assert sampled.facts["flops"] > plain.facts["flops"]
    cost = json.loads((folder / "run" / "study" / "scaling.json").read_text())["cost"]
    measured = sum(one["measured"]["shared"]["tokens"] for one in cost["settings"])
    assert measured == pytest.approx(cost["total"]["measured"]["tokens"])


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=re.escape("so it is no Run")):
        read_runs([tmp_path])


def test_the_labs_bases_are_known_by_size_and_loss():
    known = facts_of_base("lab:llama-0.25m")
    assert known["parameters"] == 248_384
    assert 0.5 < known["loss"] < 2
    assert "loss" not in facts_of_base("Qwen/Qwen2.5-0.5B")
