"""Clusters of loss curves in a report: centres as curves, and what each holds."""

import shutil
from pathlib import Path

import numpy as np
from make_run import Made, make_run

from cotmill.evidence import Trajectories
from cotmill.report.clusters import clusters_section
from cotmill.report.read import read_run
from cotmill.report.selections import selections
from cotmill.select import S2L


def run_with_clusters(folder: Path) -> Path:
    """A made-up Run whose one selection is S2L's."""
    arms = {"s2l": {"select": {"method": "random", "budget": "50%"}}}
    run = make_run(
        folder, Made(rows=60, items=4, seeds=(0,), tests=("in_domain",), arms=arms, compare_to="s2l")
    )
    chosen = next(selections(read_run(run)))
    pool = chosen.pool.without_labels()
    kind = np.arange(len(pool)) % 3 == 0
    means = np.where(kind[:, None], [[3.0, 2.0, 1.0]], [[0.5, 0.4, 0.3]])
    evidence = Trajectories(
        row_ids=pool.ids,
        loss_sum=means * 5,
        tokens=np.full(len(pool), 5),
        steps=np.array([10, 20, 30]),
        truncated=np.zeros(len(pool), dtype=bool),
    )
    place = chosen.step.folder / "selection"
    shutil.rmtree(place)
    S2L(clusters=2)(pool, evidence, budget="50%", seed=0).write(place)
    return run


def test_centres_are_drawn_and_every_cluster_says_what_it_holds(tmp_path):
    section = clusters_section(read_run(run_with_clusters(tmp_path / "run")), "r1")
    assert section is not None
    (figure,) = section.figures
    assert [row[1:] for row in figure.csv.rows[:3]] == [(40, 10.0, 0.5), (40, 20.0, 0.4), (40, 30.0, 0.3)]
    assert "<svg" in figure.panels[0].svg
    (held,) = section.folded
    assert held.columns[:3] == ("Cluster", "Rows", "Taken")
    assert [row[1] for row in held.rows] == ["40", "20"]
    assert "With a defect" in held.columns
    (quality,) = section.tables
    assert quality.rows[0][1] == "2"


def test_a_run_without_clusters_has_no_such_section(tmp_path):
    arms = {"random": {"select": {"method": "random", "budget": "50%"}}}
    made = Made(rows=40, items=4, seeds=(0,), tests=("in_domain",), arms=arms, compare_to="random")
    assert clusters_section(read_run(make_run(tmp_path / "run", made)), "r1") is None
