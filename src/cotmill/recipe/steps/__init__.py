"""What each kind of step does: one table, one function a kind.

A function reads `task.inputs`, writes into `task.out`, and imports what is heavy when it runs, so that a
plan is made without torch. A kind's version is raised when the same config would leave something else.
"""

from cotmill.recipe.graph import Kind
from cotmill.recipe.steps.data import make_data, make_questions
from cotmill.recipe.steps.measure import make_measure, make_queries
from cotmill.recipe.steps.probe import make_probe
from cotmill.recipe.steps.sample import make_audit, make_augment, make_sample
from cotmill.recipe.steps.select import make_prune, make_select
from cotmill.recipe.steps.train import make_evaluate, make_train

KINDS: dict[str, Kind] = {
    "data": Kind(make_data, 1),
    "test": Kind(make_questions, 1),
    "queries": Kind(make_queries, 1),
    "measure": Kind(make_measure, 1, resumes=True),
    "sample": Kind(make_sample, 1, resumes=True),
    "augment": Kind(make_augment, 1, resumes=True),
    "audit": Kind(make_audit, 1),
    "select": Kind(make_select, 1),
    "prune": Kind(make_prune, 1),
    "train": Kind(make_train, 1, resumes=True),
    "evaluate": Kind(make_evaluate, 1, resumes=True),
    "probe": Kind(make_probe, 1),
}
"""Every kind of step by its name in a Run."""
