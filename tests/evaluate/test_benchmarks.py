"""Every published set: found, read, grouped, its gold answers judged right by their own grader."""

import json
from itertools import product
from pathlib import Path

import pytest

from cotmill.core.errors import DataError
from cotmill.data.pool import Pool
from cotmill.evaluate.benchmark import Benchmark
from cotmill.evaluate.benchmarks import BENCHMARKS, benchmark
from cotmill.evaluate.outputs import OutputFields, grade_outputs
from cotmill.evaluate.summary import summarise
from cotmill.verify import STRICT_RULES, Verdict, judge_answer

STORED = {
    "gsm8k": 660,
    "gsm8k:train": 7473,
    "gsm-plus": 1208 + 151,
    "gsm8k-distractors": 1248,
    "svamp": 700,
    "aqua-rat": 254,
    "mgsm": 1750,
    "mgsm:de+fr": 500,
    "gsm-hard": 660,
    "gsm8k-backward": 638,
    "deepmind-mathematics": 500,
    "imo-answerbench": 200,
    "theoremqa-self": 74,
}
LABELS = (("overlapped", "nonoverlapped"), ("in_range", "out_range"), ("in_topic", "out_topic"))
GSM_IC = [
    {
        "original_question": "Ann has 3 pens and buys 4. How many has she?",
        "new_question": f"Ann has 3 pens and buys 4. {extra} How many has she?",
        "answer": "7",
        "n_steps": 2,
        "role_label": role,
        "number_label": "in_range",
        "sentence_label": topic,
    }
    for extra, role, topic in (
        ("Ann is 9 years old.", "overlapped", "out_topic"),
        ("Bob has 5 pens.", "nonoverlapped", "in_topic"),
    )
]


@pytest.mark.parametrize(("name", "rows"), STORED.items())
def test_every_stored_set_is_read_whole(shared_data: Path, name: str, rows: int) -> None:
    found = benchmark(name, shared_data)
    assert len(found.pool) == rows
    assert all(found.pool.column("gold").to_pylist())


def said(gold: str, rule: str) -> str:
    return f"\\boxed{{{gold.strip()}}}" if rule == "math" else f"The answer is {gold}.\n#### {gold}"


@pytest.mark.parametrize("name", [name for name in STORED if ":" not in name])
def test_every_gold_answer_is_right_by_its_own_grader(shared_data: Path, name: str) -> None:
    found = benchmark(name, shared_data)
    wrong = [
        gold
        for gold in found.pool.column("gold").to_pylist()
        if judge_answer(gold, said(gold, found.strict_rule), strict_rule=found.strict_rule).verdict
        is not Verdict.CORRECT
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["gsm8k", "gsm-plus"])
def test_gold_solutions_pass_the_strict_rule(shared_data: Path, name: str) -> None:
    found = benchmark(name, shared_data)
    rows = [row for row in found.pool.rows() if row["gold"] != "None" or name == "gsm-plus"]
    strict = [judge_answer(r["gold"], r["trace"], strict_rule=found.strict_rule).strict for r in rows]
    assert sum(strict) >= 0.98 * len(rows)  # some golds of GSM-Plus end in a fraction or a unit


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_entry_is_whole(name: str) -> None:
    entry = BENCHMARKS[name]
    assert entry.strict_rule in STRICT_RULES
    assert entry.source
    assert entry.licence
    assert set(entry.default) <= set(entry.parts)


def test_base_questions_are_asked_once_and_stand_before_their_variations(shared_data: Path) -> None:
    rows = list(benchmark("gsm-plus", shared_data).pool.rows())
    bases = [row for row in rows if row["is_base"]]
    assert len(bases) == len({row["question"] for row in bases}) == 151
    assert rows[0]["is_base"]
    assert rows[1]["seed"] == rows[0]["question"]


def test_gsm_ic_form_brings_its_labels_and_the_original_question(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(GSM_IC))
    found = benchmark(f"gsm-ic={file}")
    rows = list(found.pool.rows())
    assert [row["is_base"] for row in rows] == [True, False, False]
    assert [row["topic"] for row in rows[1:]] == ["out_topic", "in_topic"]
    assert found.groups == ("topic", "role_overlap", "number_range", "steps")


def gsm_ic_rows(seed: str, answer: str, steps: int) -> list[dict[str, object]]:
    """Rows with every field of the published files, one for each of the eight kinds of distractor."""
    rows = []
    for role, number, topic in product(*LABELS):
        who = "Ann" if role == "overlapped" else "Ann's father"
        much = "12" if number == "in_range" else "5,000"
        template = "{role} sold {number} pens." if topic == "in_topic" else "{role} walked {number} steps."
        distractor = template.format(role=who, number=much)
        rows.append(
            {
                "original_question": seed, "answer": answer, "n_steps": steps,
                "new_question": seed.replace(" How", f" {distractor} How"),
                "role": who, "number": much, "sentence_template": template,
                "role_label": role, "number_label": number, "sentence_label": topic,
            }
        )  # fmt: skip
    return rows


def test_gsm_ic_as_published_has_two_files_and_eight_kinds_of_distractor(tmp_path: Path) -> None:
    (tmp_path / "gsm-ic").mkdir()
    two = gsm_ic_rows("Ann has 3 boxes of 400 pens and 34 more.  How many has she?", "1,234", 2)
    more = gsm_ic_rows("Ann buys 4 pens, then twice as many, then 1. How many has she?", "13", 4)
    (tmp_path / "gsm-ic" / "GSM-IC_2step.json").write_text(json.dumps(two, indent=1))
    (tmp_path / "gsm-ic" / "GSM-IC_mstep.json").write_text(json.dumps(more))
    found = benchmark("gsm-ic", tmp_path)
    rows = list(found.pool.rows())
    assert [row["is_base"] for row in rows] == [True, *[False] * 8] * 2
    assert {row["steps"] for row in rows[:9]} == {"2"}
    assert {row["steps"] for row in rows[9:]} == {"more than 2"}
    assert len({(r["topic"], r["role_overlap"], r["number_range"]) for r in rows if not r["is_base"]}) == 8
    assert {row["seed"] for row in rows} == {two[0]["original_question"], more[0]["original_question"]}
    assert len(benchmark("gsm-ic:mstep", tmp_path).pool) == 9
    outputs = tmp_path / "outputs.jsonl"
    said = [
        {"question": row["question"], "said": f"#### {row['gold'] if row['steps'] == '2' else 0}"}
        for row in rows
        if row["is_base"] or row["topic"] == "in_topic" or row["steps"] == "2"
    ]
    outputs.write_text("".join(json.dumps(row) + "\n" for row in said))
    metrics = summarise(grade_outputs(outputs, OutputFields("said"), benchmark=found))
    assert metrics["n"] == 12
    assert metrics["groups"]["steps"]["2"]["accuracy"]["value"] == 1
    robust = {
        name: estimate["value"]
        for name, estimate in metrics["robustness"].items()
        if name != "base_questions"
    }
    assert robust["base"] == robust["macro"] == 0.5
    assert robust["micro"] == pytest.approx(8 / 12)
    assert robust["normalised_macro"] == 1


def test_the_archive_of_math_is_read_as_a_folder_of_subjects(tmp_path: Path) -> None:
    solutions = {
        "algebra/7.json": (r"Then $x=\boxed{2}$, and again $\boxed{\frac{\sqrt{3}}{2}}$.", "Level 5"),
        "geometry/12.json": (r"So the area is $\boxed 8$ square units.", "Level ?"),
        "prealgebra/1.json": (r"It is $\boxed{\text{(C)}}$.", "Level 1"),
        "number_theory/3.json": (r"Hence $\fbox{1{,}000}$.", "Level 2"),
        "number_theory/4.json": ("There is nothing in a box.", "Level 2"),
    }
    for name, (solution, level) in solutions.items():
        file = tmp_path / "math" / "test" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        row = {
            "problem": f"What of {name}?",
            "level": level,
            "type": name.split("/")[0].title(),
            "solution": solution,
        }
        file.write_text(json.dumps(row, indent=4))
    found = benchmark("math", tmp_path)
    rows = {row["subject"]: row for row in found.pool.rows()}
    assert found.set_aside == 1
    assert {name: row["gold"] for name, row in rows.items()} == {
        "Algebra": r"\frac{\sqrt{3}}{2}", "Geometry": "8", "Prealgebra": r"\text{(C)}",
        "Number_Theory": "1{,}000",
    }  # fmt: skip
    assert rows["Geometry"]["level"] == "Level ?"
    own = benchmark(f"math={tmp_path / 'math' / 'test'}")
    assert len(own.pool) == 4
    for row in rows.values():
        judged = judge_answer(row["gold"], row["trace"], strict_rule="math")
        assert (judged.verdict, judged.strict) == (Verdict.CORRECT, True)


def test_the_subset_of_500_with_answers_and_whole_number_levels_is_the_same_form(tmp_path: Path) -> None:
    row = {
        "problem": "Point?", "solution": r"It is $\boxed{\left( 3, \frac{\pi}{2} \right)}$.", "level": 2,
        "answer": r"\left( 3, \frac{\pi}{2} \right)", "subject": "Precalculus",
        "unique_id": "test/precalculus/1.json",
    }  # fmt: skip
    (tmp_path / "mine.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = benchmark(f"math={tmp_path / 'mine.jsonl'}").pool.rows()
    assert (found["level"], found["subject"], found["gold"]) == ("Level 2", "Precalculus", row["answer"])


def test_math_form_takes_the_boxed_answer_and_sets_rows_without_one_aside(tmp_path: Path) -> None:
    rows = [
        {
            "problem": "1/4+1/4?",
            "solution": r"It is \boxed{\frac{1}{2}}.",
            "level": "Level 1",
            "type": "Algebra",
        },
        {"problem": "Prove it.", "solution": "Clear.", "level": "Level 5", "type": "Geometry"},
    ]
    (tmp_path / "math").mkdir()
    (tmp_path / "math" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = benchmark("math", tmp_path)
    assert found.pool.column("gold").to_pylist() == [r"\frac{1}{2}"]
    assert found.set_aside == 1


def test_own_file_becomes_a_benchmark(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "2+2?", "answer": "4"}\n{"question": "2+3?", "answer": "5"}\n')
    found = benchmark(file)
    assert (found.name, len(found.pool), found.strict_rule) == ("mine.jsonl", 2, "gsm8k")


def test_a_misspelt_name_gets_the_near_match() -> None:
    with pytest.raises(DataError, match="Did you mean 'gsm-plus'"):
        benchmark("gsm-plsu")


def test_an_absent_set_says_where_it_was_looked_for_and_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gsm-ic/GSM-IC_2step.json.*bring your own copy.*gsm-ic=PATH"):
        benchmark("gsm-ic", tmp_path)


def test_a_limit_is_nested_and_keeps_the_base_questions_it_needs(shared_data: Path) -> None:
    whole = benchmark("gsm-plus", shared_data)
    small, large = whole.limited(40), whole.limited(120)
    assert set(small.pool.ids) < set(large.pool.ids)
    rows = list(small.pool.rows())
    assert sum(not row["is_base"] for row in rows) == 40
    assert {row["seed"] for row in rows if row["is_base"]} == {row["seed"] for row in rows}
    assert len({row["perturbation"] for row in rows if not row["is_base"]}) > 4


def test_rows_of_an_own_file_without_a_gold_answer_are_set_aside() -> None:
    pool = Pool.from_rows([{"question": "2+2?", "gold": "4"}, {"question": "Why?"}])
    found = Benchmark.of(pool, name="mine")
    assert (len(found.pool), found.set_aside, found.metric) == (1, 1, "answer")
    with pytest.raises(DataError, match="1 of 2 rows have nothing to be judged by"):
        Benchmark("mine", pool)


def test_a_benchmark_refuses_a_group_that_is_no_column() -> None:
    with pytest.raises(DataError, match="no column level"):
        Benchmark("mine", Pool.from_rows([{"question": "q", "gold": "1"}]), groups=("level",))
