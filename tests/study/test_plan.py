"""The planner against worlds whose truth is known."""

import json

import numpy as np
import pytest

from cotmill.core.errors import DataError
from cotmill.report.pages import as_html, as_markdown
from cotmill.report.plan_page import backtest_page, plan_page
from cotmill.study.backtest import backtest
from cotmill.study.choose import choose
from cotmill.study.cost import Device
from cotmill.study.draws import draw
from cotmill.study.moves import Evidence, Now, all_moves, carried_to
from cotmill.study.plan import Prices, labels_to_match, make_plan
from cotmill.study.points import Point

DEVICE = Device("made up", 1e12, 1.0, 1.0)
SIZES = [125, 250, 500, 1000, 2000, 4000]


def world(made, *, data, mask, sizes=SIZES, seeds=5):
    """Plain fine-tuning gains `data` with each doubling, masking `mask` at every amount."""
    points = []
    for place, size in enumerate(sizes):
        plain = 0.2 + data * place
        known = {"training_flops": 3.6e15, "other_flops": 0.0, "train_steps": 100.0}
        points.append(made(plain, rows=size, seeds=seeds, items=400, **known))
        points.append(made(plain + mask, rows=size, seeds=seeds, items=400, method="SFT + mask 0.2", **known))
    return points


def test_the_move_that_brings_most_comes_first(made):
    masked = make_plan(world(made, data=0.01, mask=0.12), device=DEVICE, draws=100)
    assert masked["moves"][0]["kind"] == "mask"
    assert masked["moves"][0]["gain"]["value"] == pytest.approx(0.12, abs=0.03)
    assert masked["moves"][0]["basis"] == "measured at 4,000 rows"
    more = make_plan(world(made, data=0.1, mask=0.01), device=DEVICE, draws=100)
    assert more["moves"][0]["kind"] == "label"
    assert more["moves"][0]["cost"]["labels"] == 4000


def test_moves_without_evidence_are_listed_and_not_invented(made):
    found = make_plan(world(made, data=0.05, mask=0.05), device=DEVICE, draws=100)
    assert {move["kind"] for move in found["moves"]} == {"label", "mask"}
    assert {one["kind"] for one in found["unknown"]} == {"rft", "pooled", "select", "train", "base"}
    assert all("run" in one and one["run"] for one in found["unknown"])
    alone = [point for point in world(made, data=0.05, mask=0.05) if point.rows == 125]
    assert "label" in {one["kind"] for one in make_plan(alone, device=DEVICE, draws=60)["unknown"]}


def test_a_gain_at_smaller_amounts_is_carried_over(made):
    points = world(made, data=0.05, mask=0.08)
    at = make_plan(points, device=DEVICE, draws=200)["moves"]
    beyond = make_plan(points, Now("m", "SFT", 16_000.0), device=DEVICE, draws=200)["moves"]
    near, far = (next(move for move in moves if move["kind"] == "mask") for moves in (at, beyond))
    assert far["basis"].startswith("carried over")
    assert far["gain"]["value"] == pytest.approx(0.08, abs=0.04)
    assert far["gain"]["low"] < 0.08 < far["gain"]["high"]
    assert near["gain"]["low"] < 0.08 < near["gain"]["high"]


def test_gains_that_grow_are_carried_along_a_line_and_level_ones_as_a_constant():
    x = np.array([100.0, 200.0, 400.0, 800.0])
    grows = np.tile(0.02 * np.log2(x / 100), (50, 1))
    value, _, basis = carried_to(x, grows, 3200.0, salt="")
    assert value == pytest.approx(0.1)
    assert "along a line" in basis
    rng = np.random.Generator(np.random.Philox(0))
    level = 0.05 + np.array([0.01, -0.01, -0.01, 0.01]) + 0.001 * rng.standard_normal((50, 4))
    value, _, basis = carried_to(x, level, 3200.0, salt="")
    assert value == pytest.approx(0.05, abs=0.01)
    assert "as a constant" in basis


def test_the_labels_that_match_a_gain_bring_it(made):
    points = [point for point in world(made, data=0.05, mask=0.05) if point.method == "SFT"]
    evidence, now = Evidence(points, draw(points, draws=60)), Now("m", "SFT", 4000.0)
    many = labels_to_match(evidence, now, 0.05)
    assert many is not None
    choice = choose(np.array(SIZES, dtype=float), evidence.stacked[:1])
    ends = choice.at(np.array([4000.0, 4000.0 + many]))[0]
    assert ends[1] - ends[0] == pytest.approx(0.05, abs=0.002)
    assert labels_to_match(evidence, now, 0.99) is None


def test_prices_give_money_a_budget_and_break_even_values(made):
    points = world(made, data=0.06, mask=0.04)
    found = make_plan(points, device=DEVICE, prices=Prices(label=1.0, hour=2.0), draws=60)
    label, mask = found["moves"]
    assert label["cost"]["hours"] == pytest.approx(1.0)
    assert label["cost"]["money"] == pytest.approx(4002.0)
    assert mask["cost"]["money"] == pytest.approx(2.0)
    flip = found["flips"][0]
    gap = 100 * (label["gain"]["value"] - mask["gain"]["value"])
    assert flip["point_worth"] == pytest.approx((4002 - 2) / gap)
    # at that price of a label both gains cost the same a point
    money = 4000 * flip["label_price"] + 2.0
    assert label["gain"]["value"] / money == pytest.approx(mask["gain"]["value"] / 2.0)
    poor = make_plan(points, device=DEVICE, prices=Prices(label=1.0, hour=2.0, budget=100.0), draws=60)
    assert [move["affordable"] for move in poor["moves"]] == [True, False]
    assert poor["moves"][0]["kind"] == "mask"


def test_twice_the_samples_follow_the_samples_that_were_drawn(made):
    points = [made(0.4, rows=500), *(
        made(0.4 + 0.03 * place, rows=500, method=f"RFT k={k}", k=float(k), items=400)
        for place, k in enumerate((2, 4, 8, 16), start=1)
    )]  # fmt: skip
    evidence = Evidence(points, draw(points, draws=60))
    names = {move.name: move for move in all_moves(evidence, Now("m", "SFT", 500.0), 500.0)}
    assert names["RFT k=32"].gain.value == pytest.approx(0.15, abs=0.06)
    assert names["RFT k=32"].kind == "rft"


def test_another_base_can_be_left_out(made):
    points = [*world(made, data=0.05, mask=0.02), made(0.7, rows=4000, model="large")]
    kinds = {move["kind"] for move in make_plan(points, Now("m"), device=DEVICE, draws=60)["moves"]}
    assert "base" in kinds
    kept = make_plan(points, Now("m", keep_base=True), device=DEVICE, draws=60)
    assert "base" not in {one["kind"] for one in (*kept["moves"], *kept["unknown"])}


def test_what_one_has_must_have_been_measured(made):
    with pytest.raises(DataError, match="give --method"):
        make_plan([made(0.5, method="RFT k=4")], device=DEVICE)
    with pytest.raises(DataError, match="give --model, one of: m"):
        make_plan([made(0.5)], Now("other"), device=DEVICE)


def test_the_back_test_knows_who_was_right(made):
    found = backtest(world(made, data=0.01, mask=0.12), one_seed=False)
    ways = {one["way"]: one for one in found["summary"]["ways"]}
    assert found["summary"]["situations"] == 2
    assert ways["planner"]["right"] == 2
    assert ways["more data"]["right"] == 0
    assert found["summary"]["better_by"]["value"] == pytest.approx(0.11, abs=0.04)
    each = backtest(world(made, data=0.1, mask=0.01), one_seed=True)
    ways = {one["way"]: one for one in each["summary"]["ways"]}
    assert each["summary"]["asked"] == 12
    assert ways["planner"]["right"] >= 10
    with pytest.raises(DataError, match="study scaling"):
        backtest(world(made, data=0.1, mask=0.01, sizes=SIZES[:3]))


def test_pages_of_plans_say_it_in_words_and_stand_alone(made):
    found = make_plan(world(made, data=0.01, mask=0.12), device=DEVICE, prices=Prices(1.0, 1.0), draws=60)
    json.dumps(found, allow_nan=False)
    text = as_markdown(plan_page(found), "files/")
    assert "What would change the ranking" in text
    assert "Nothing was measured that speaks of these moves" in text
    assert "SFT + mask 0.2, +1" in text
    assert "<script" not in as_html(plan_page(found), "files")
    tested = backtest(world(made, data=0.01, mask=0.12), one_seed=False)
    assert "more data | 0 of 2" in as_markdown(backtest_page(tested), "files/")


def test_a_plan_needs_no_answers_only_accuracies():
    points = [
        Point("m", method, float(rows), "t", accuracy, 500)
        for method, start in (("SFT", 0.2), ("RFT k=8", 0.3))
        for rows, accuracy in ((500, start), (1000, start + 0.05), (2000, start + 0.1))
    ]
    found = make_plan(points, device=DEVICE, draws=60)
    assert found["moves"][0]["name"] == "RFT k=8"
    assert found["moves"][0]["cost"]["hours"] is None
