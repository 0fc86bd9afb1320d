"""Samples of lab problems as models of some strength might write them: right, wrong, cut off, failed."""

from pathlib import Path

from cotmill.augment.samples import Sample
from cotmill.augment.store import SampleStore
from cotmill.core.ids import rng_of
from cotmill.data.pool import Pool
from cotmill.lab.mistakes import spoil
from cotmill.lab.paths import solutions
from cotmill.lab.problems import Problem, generate

KINDS = ("wrong_arithmetic", "wrong_answer", "truncated", "chatter")
SETTINGS = {"temperature": 0.7, "top_p": 1.0}


def problems(count: int) -> list[Problem]:
    """Problems with several known ways."""
    return list(generate(5, count, min_steps=2))


def pool_of(made: list[Problem]) -> Pool:
    """The problems with their plain solution."""
    return Pool.from_rows(
        {"question": one.question, "gold": one.answer, "trace": one.solution, "source": one.source,
         "lab_graph": one.graph.to_json()}
        for one in made
    )  # fmt: skip


def drawn(problem: Problem, ways: list[str], example_id: str, model: str, index: int, skill: float) -> Sample:
    """One sample: right with probability `skill`, else spoiled in some way."""
    rng = rng_of(7, example_id, model, index)
    text, reason = ways[int(rng.integers(len(ways)))], "stop"
    luck = rng.random()
    if luck > skill:
        kind = KINDS[int(rng.integers(len(KINDS)))]
        text = spoil(problem.graph, problem.solution, kind, rng) or "I do not know."
    if rng.random() < 0.05:
        text, reason = text[: len(text) // 2], "length"
    elif rng.random() < 0.02:
        text, reason = "", "error"
    told = (f"{model}-fingerprint", model, "prompt", "", index, index + 100, text, len(text), 30, reason, 99)
    return Sample(example_id, *told)


def make_store(
    folder: Path, pool: Pool, made: list[Problem], model: str, k: int, skill: float = 0.6
) -> SampleStore:
    """Write k samples of every problem by one model."""
    store = SampleStore.open(folder)
    settings = store.add_settings(SETTINGS)
    rows = []
    for problem, example_id in zip(made, pool.column("example_id").to_pylist(), strict=True):
        ways = solutions(problem, 8, 0, commuted=True)
        rows += [drawn(problem, ways, example_id, model, index, skill) for index in range(k)]
    store.add([Sample(**{**_fields(row), "settings": settings}) for row in rows])
    store.finish()
    return store


def _fields(sample: Sample) -> dict:
    return {name: getattr(sample, name) for name in Sample.__slots__}
