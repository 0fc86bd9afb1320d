"""Every gold answer of every benchmark at hand equals itself, also when a text states it."""

import csv
import gzip
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from cotmill.verify import Verdict, judge_answer, same_answer
from cotmill.verify.judge import first_judgement


def lines_of(path: Path) -> Iterator[dict]:
    opener = gzip.open if path.suffix == ".gz" else Path.open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def gold_answers(data: Path) -> Iterator[tuple[str, str]]:
    for name in ("train.jsonl.gz", "test.first660.jsonl"):
        yield from (("gsm8k", row["answer"]) for row in lines_of(data / "gsm8k" / name))
    for row in lines_of(data / "gsm-plus" / "gsmplus_testmini.dev.jsonl.gz"):
        yield "gsm-plus", row["answer"]
    yield from (
        ("gsm-hard", str(row["target"])) for row in lines_of(data / "gsm-hard" / "gsmhardv2.dev.jsonl")
    )
    for row in lines_of(data / "gsm8k-backward" / "GSM8K_Backward.dev.jsonl.gz"):
        yield "backward", row["answer"]
    for row in json.loads((data / "svamp" / "SVAMP.train.json").read_text(encoding="utf-8")):
        yield "svamp", str(row["Answer"])
    for row in lines_of(data / "aqua-rat" / "dev.json"):
        yield "aqua", row["correct"]
        yield from (("aqua option", option.partition(")")[2]) for option in row["options"])
    mathematics = data / "deepmind-mathematics" / "deepmind-mathematics.dev.json"
    yield from (("mathematics", row["answer"]) for row in json.loads(mathematics.read_text(encoding="utf-8")))
    theorems = data / "theoremqa-self" / "theoremqa_self.dev.json"
    yield from (("theoremqa", str(row["Answer"])) for row in json.loads(theorems.read_text(encoding="utf-8")))
    with (data / "imo-answerbench" / "answerbench_v2.dev.csv").open(encoding="utf-8", newline="") as rows:
        yield from (("imo", row["Short Answer"]) for row in csv.DictReader(rows))
    for path in sorted((data / "mgsm").glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield "mgsm", line.rpartition("\t")[2]


def test_every_gold_answer_equals_itself(shared_data: Path) -> None:
    golds = {(name, gold) for name, gold in gold_answers(shared_data) if name != "gsm8k"}
    assert len({name for name, _ in golds}) == 10
    assert [gold for gold in sorted(golds) if same_answer(gold[1], gold[1]).same is not True] == []


def test_every_gold_solution_of_gsm8k_is_right_by_our_rule_and_by_the_strict_one(shared_data: Path) -> None:
    solutions = [text for name, text in gold_answers(shared_data) if name == "gsm8k"]
    assert len(solutions) == 8_133
    found = [judge_answer(text.rpartition("#### ")[2], text) for text in solutions]
    assert {(judgement.verdict, judgement.rule, judgement.strict) for judgement in found} == {
        (Verdict.CORRECT, "hash", True)
    }


def test_every_numeric_gold_answer_is_found_in_a_sentence(shared_data: Path) -> None:
    golds = {gold for name, gold in gold_answers(shared_data) if name not in ("gsm8k", "imo", "aqua option")}
    for form in ("The answer is {}.", "so we get\n#### {}", "Thus it is $\\boxed{{{}}}$."):
        judged = [(gold, first_judgement(gold, form.format(gold))[0]) for gold in sorted(golds)]
        assert [(gold, found) for gold, found in judged if found.verdict is not Verdict.CORRECT] == []


def test_neighbouring_gold_answers_differ(shared_data: Path) -> None:
    golds = sorted({gold for name, gold in gold_answers(shared_data) if name == "mathematics"})
    same = [(a, b) for a, b in pairwise(golds) if same_answer(a, b).same]
    assert all(float(a.strip("[]")) == float(b.strip("[]")) for a, b in same)
