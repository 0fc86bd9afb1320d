"""Altering numbers, to see what a model relies on."""

from __future__ import annotations

from cotmill.recipe.graph import Task
from cotmill.recipe.steps.places import CONFLICT, INFLUENCE, load_model, open_test

NAME = "model"
"""What the one model is called in the tables."""


def make_probe(task: Task) -> None:
    """Alter every number of some rows in turn, and put question and steps at odds; keep all and the sums."""
    from cotmill.core.checked import write_table
    from cotmill.measure.dependency.conflict import conflicts
    from cotmill.measure.dependency.influence import probe
    from cotmill.measure.dependency.summary import conflict_summary, influence_summary

    lm, seed = load_model(task), task.config["seed"]
    rows = open_test(task.inputs["rows"]).pool
    pairs, sides = probe(lm, rows, seed=seed), conflicts(lm, rows, seed=seed)
    write_table(pairs, task.out / "pairs.parquet")
    write_table(sides, task.out / "conflict_items.parquet")
    write_table(influence_summary({NAME: pairs}, seed=seed), task.out / INFLUENCE)
    write_table(conflict_summary({NAME: sides}, seed=seed), task.out / CONFLICT)
