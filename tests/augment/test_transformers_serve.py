"""The client against `transformers serve`, a real server process with a model of the lab, on loopback."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotmill.augment.allocate import Allocation
from cotmill.augment.engines.base import Question, SamplingSettings
from cotmill.augment.engines.openai import OpenAIEngine
from cotmill.augment.engines.server import ServerConfig
from cotmill.augment.sampling import Job, Sampled, Sampler
from cotmill.augment.store import SampleStore
from cotmill.core.errors import ModelError
from cotmill.core.ids import content_id
from cotmill.model.load import find

COMMAND = Path(sys.executable).with_name("transformers")
TEMPLATE = "{% for turn in messages %}{{ turn.content }}\n{% endfor %}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Start the server; give its address and the name of its model."""
    pytest.importorskip("fastapi", reason="transformers serve needs transformers[serving]")
    folder = tmp_path_factory.mktemp("served") / "lab"
    shutil.copytree(find("lab:llama-0.25m"), folder)
    # The server draws only if the model says so, and chats only with a template.
    config = folder / "generation_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "do_sample": True}))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(COMMAND),
        "serve",
        str(folder),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    with (folder.parent / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder.parent / "log")
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.25)
    raise AssertionError(log.read_text())


def drawn(
    served: tuple[str, str], folder: Path, *, form: str, n: int = 1, top_k: int = 0
) -> tuple[Sampled, list[dict[str, object]], OpenAIEngine]:
    url, model = served
    texts = [f"Tom has {n} apples and buys 9 more. How many apples does Tom have?" for n in (4, 7)]
    questions = [Question(content_id(text), text, "13") for text in texts]
    engine = OpenAIEngine(model, [url], ServerConfig(form=form, n=n, concurrency=1))  # type: ignore[arg-type]
    store = SampleStore.open(folder)
    job = Job(SamplingSettings(top_k=top_k), 60, Allocation(k=3))
    result = Sampler(engine, questions, store, job).run()
    return result, [row for batch in store.batches() for row in batch.to_pylist()], engine


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "chat"])
def test_a_real_server_gives_samples(served, tmp_path, form):
    result, rows, engine = drawn(served, tmp_path / "s", form=form)
    assert (result.drawn, result.failed, len(rows)) == (6, 0, 6)
    assert len({row["text"] for row in rows}) == 6
    for row in rows:
        assert row["finish_reason"] in {"stop", "length"}
        assert 0 < row["tokens"] <= 60
        assert row["prompt_tokens"] > 10
        assert row["logprob"] is None
        assert row["engine_version"] == "server uvicorn"
    assert any("takes no top_k" in problem for problem in engine.problems())
    again, same, _ = drawn(served, tmp_path / "s", form=form)
    assert (again.drawn, same) == (0, rows)
    other, twins, _ = drawn(served, tmp_path / "t", form=form)
    assert other.drawn == 6
    assert [row["text"] for row in twins] == [row["text"] for row in rows]


@pytest.mark.slow
def test_n_which_the_server_ignores_is_asked_for_one_by_one(served, tmp_path):
    result, rows, engine = drawn(served, tmp_path / "s", form="plain", n=3)
    assert (result.drawn, len({row["text"] for row in rows})) == (6, 6)
    assert any("gives 1 answers" in problem for problem in engine.problems())


@pytest.mark.slow
def test_a_cut_that_the_server_does_not_know_is_an_error(served, tmp_path):
    with pytest.raises(ModelError, match=r"top_k.*--top-k 0"):
        drawn(served, tmp_path / "s", form="plain", top_k=50)


@pytest.mark.slow
def test_a_model_that_is_not_there_is_named(served, tmp_path):
    with pytest.raises(ModelError, match="pinned to"):
        drawn((served[0], "another"), tmp_path / "s", form="plain")
