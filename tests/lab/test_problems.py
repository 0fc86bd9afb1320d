"""Problems are deterministic, right, and on one side only."""

from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotmill.core.errors import DataError
from cotmill.lab import check_solution, count_solutions, declarative, generate, solutions
from cotmill.lab.check import FormError, compute, parse
from cotmill.lab.families import DEFAULT_MIX, FAMILIES
from cotmill.lab.graph import Graph
from cotmill.lab.mistakes import steps_of

PROBLEMS = list(generate(0, 400))
LONG = list(generate(1, 16, min_steps=5, max_steps=8))


def test_the_same_seed_gives_the_same_problems():
    assert list(generate(0, 50)) == PROBLEMS[:50]
    assert list(generate(2, 50)) != PROBLEMS[:50]


def test_problem_i_does_not_depend_on_where_the_stream_starts():
    assert list(generate(0, 20, start=30)) == PROBLEMS[30:50]


@pytest.mark.parametrize("source", FAMILIES)
def test_every_family_makes_every_length_it_is_asked_for_within_four_steps(source):
    for steps in range(2, 5):
        for problem in generate(3, 3, min_steps=steps, max_steps=steps, sources=[source]):
            assert (problem.source, problem.steps) == (source, steps)
            assert check_solution(problem.graph, problem.solution).sound


def test_every_solution_is_sound_and_has_as_many_lines_as_steps():
    for problem in (*PROBLEMS, *LONG):
        report = check_solution(problem.graph, problem.solution)
        assert report.sound, (problem.question, problem.solution)
        assert str(report.final) == problem.answer
        assert len(report.equations) == problem.steps


def test_every_stated_number_is_in_the_question():
    for problem in PROBLEMS:
        for node in problem.graph.nodes:
            if node.kind == "given":
                assert str(node.value) in problem.question, problem.question


def test_other_solutions_are_sound_and_their_equation_lists_differ():
    for problem in (*PROBLEMS[:40], *LONG[:2]):
        texts = solutions(problem, 8, seed=1)
        lists = [tuple((step.expression, step.value) for step in steps_of(text)) for text in texts]
        assert len(set(lists)) == len(texts)
        for text in texts:
            assert check_solution(problem.graph, text).sound, (problem.question, text)


def test_commuted_solutions_are_sound_too():
    for problem in PROBLEMS[:40]:
        for text in solutions(problem, 4, seed=1, commuted=True):
            assert check_solution(problem.graph, text).sound


def test_the_median_problem_has_at_least_four_paths():
    assert statistics.median(count_solutions(p) for p in PROBLEMS[:100] if p.steps >= 2) >= 4


def test_no_question_is_on_both_sides():
    shapes = {"min_steps": 1, "max_steps": 1, "sources": ["totals"]}
    train = {p.question for p in generate(0, 600, **shapes)}
    test = {p.question for p in generate(0, 100, side="test", **shapes)}
    assert not train & test


def test_the_mix_has_a_heavy_tail():
    shares = sorted(DEFAULT_MIX.values(), reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] > 20 * shares[-1]


def test_a_length_no_family_has_is_refused_in_words():
    with pytest.raises(DataError, match="ask for fewer steps"):
        list(generate(0, 1, min_steps=8, max_steps=8, sources=["measures"]))


def test_a_graph_survives_its_json():
    for problem in PROBLEMS[:50]:
        assert Graph.from_json(problem.graph.to_json()) == problem.graph


def test_pre_training_text_has_no_solution_form_and_does_not_build_conclusion_on_conclusion():
    for text in declarative(0, 200):
        assert not any(mark in text for mark in ("<<", ">>", "####"))
    assert list(itertools.islice(declarative(0, 10), 5, 10)) == list(declarative(0, 5, start=5))


@given(
    st.recursive(st.integers(1, 99).map(str), lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner))
)
def test_the_parser_agrees_with_python(tree):
    def spelled(node: object) -> str:
        return node if isinstance(node, str) else f"({spelled(node[0])}{node[1]}{spelled(node[2])})"

    text = spelled(tree)
    assert compute(parse(text)) == eval(text)


@pytest.mark.parametrize("text", ["", "1+", "(1", "1 2", "a+1", "__import__('os')", "+1", "1)"])
def test_what_is_not_arithmetic_is_refused(text):
    with pytest.raises(FormError):
        parse(text)


def test_a_right_answer_by_a_wrong_formula_is_found_out():
    problem = next(p for p in PROBLEMS if p.steps == 1 and p.source == "comparisons" and "+" in p.solution)
    value = problem.graph.answer
    report = check_solution(problem.graph, f"It is <<{value - 1}+1={value}>>{value}.\n#### {value}")
    assert report.correct
    assert report.follows
    assert not report.grounded
    assert not report.sound
