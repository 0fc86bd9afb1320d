import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `made_samples`, the helpers of this folder's tests

from made_samples import make_store, pool_of, problems
from scripted import Scripted

from cotmill.augment.engines.base import Question
from cotmill.core.ids import content_id, rng_of


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A pool of lab problems and the samples of two models."""
    folder = tmp_path_factory.mktemp("world")
    made = problems(10)
    pool = pool_of(made)
    stores = [
        make_store(folder / "small", pool, made, "small", 8, 0.5),
        make_store(folder / "large", pool, made, "large", 8, 0.8),
    ]
    return {"pool": pool, "problems": made, "stores": stores}


@pytest.fixture(scope="session")
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def questions() -> list[Question]:
    """Ten questions, of rising difficulty for `answers`."""
    texts = [f"What is {n} + 7?" for n in range(10, 20)]
    return [Question(content_id(text), text, str(n + 17)) for n, text in enumerate(texts)]


@pytest.fixture(scope="session")
def answers() -> Callable[[Question, int], str]:
    """Answer right with a chance that falls from question to question, by one of a few paths."""

    def answer(question: Question, index: int) -> str:
        n = int(question.question.split()[2])
        rng = rng_of(0, "answer", n, index)
        if rng.random() < (n - 10) / 10:
            return f"{n} + 8 = {n + 8} #### {n + 8}"
        part = min(int(rng.geometric(0.5)), 6)
        if part == 1:
            return f"{n} + 7 = {n + 7} #### {n + 7}"
        return f"{n} + {part} = {n + part} {n + part} + {7 - part} = {n + 7} #### {n + 7}"

    return answer
