"""The three filters: what each finds, in each mode."""

import pytest
from pydantic import ValidationError

from cotmill.augment.config import RftConfig
from cotmill.augment.filter import Filter, trimmed
from cotmill.data.types import Example

HENS = Example("She has 3 hens and buys 4. Each lays 2 eggs. How many eggs?", "14")
GOOD = "3 + 4 = <<3+4=7>>7 hens. 7 * 2 = <<7*2=14>>14 eggs.\n#### 14"


def found(text, **told):
    config = RftConfig(**told).resolved()
    with Filter(config) as judge:
        finding = next(judge.all([(HENS, text)]))
        return finding, judge.accepts(finding)


@pytest.mark.parametrize("mode", ["cotmill", "paper", "repo"])
def test_a_right_trace_passes_in_every_mode(mode):
    finding, accepted = found(GOOD, mode=mode)
    assert accepted
    assert finding.answer
    assert finding.predicted == "14"
    assert finding.checked >= 2


def test_each_filter_can_be_off_and_its_finding_is_told_all_the_same():
    wrong_answer = "3 + 4 = 7 hens.\n#### 7"
    wrong_equation = "3 + 4 = <<3+4=8>>8 hens. 8 + 6 = <<8+6=14>>14 eggs.\n#### 14"
    from_nowhere = "571 - 557 = <<571-557=14>>14 eggs.\n#### 14"
    for text, name in ((wrong_answer, "answer"), (wrong_equation, "equations")):
        finding, accepted = found(text, grounding=False)
        assert not accepted
        assert not getattr(finding, name)
        assert found(text, grounding=False, **{name: False})[1]
    finding, accepted = found(from_nowhere)
    assert not finding.grounding
    assert not accepted
    assert found(from_nowhere, grounding=False)[1]


def test_only_ours_reads_equations_of_running_text():
    text = "3 + 4 = 8 hens. 7 * 2 = <<7*2=14>>14 eggs.\n#### 14"
    assert not found(text)[0].equations
    assert found(text, mode="paper")[0].equations
    assert found(text, mode="repo")[0].equations


def test_the_paper_checks_a_chain_in_full_and_its_script_does_not():
    text = "<<3+4=7=4+4>>7. <<7*2=14>>14\n#### 14"
    assert not found(text, mode="paper")[1]
    assert found(text, mode="repo")[1]


def test_what_follows_the_answer_is_cut_off_unless_the_script_is_imitated():
    text = "1 + 1 = 2\n#### 2\n\nQuestion: And now? #### 3"
    assert trimmed(text) == "1 + 1 = 2\n#### 2"
    assert trimmed("  no answer ") == "no answer"
    assert RftConfig(mode="paper").trim
    assert not RftConfig(mode="repo").trim


def test_a_trace_without_equations_has_no_key():
    finding, accepted = found("It is fourteen.\n#### 14", grounding=False)
    assert accepted
    assert (finding.key, finding.checked) == ("", 0)


def test_an_example_without_gold_is_never_right():
    with Filter(RftConfig().resolved()) as judge:
        assert not next(judge.all([(Example("q"), GOOD)])).answer
    with Filter(RftConfig(mode="repo").resolved()) as judge:
        assert not next(judge.all([(Example("q"), GOOD)])).answer


def test_an_unknown_key_is_refused_with_the_known_ones():
    with pytest.raises(ValidationError, match="order_free"):
        RftConfig(key="sorted")


def test_modes_set_what_is_not_said():
    assert RftConfig(mode="repo").resolved().gold_seen is False
    assert RftConfig(mode="repo", gold_seen=True).resolved().gold_seen is True
    assert RftConfig().resolved().key == "graph"
