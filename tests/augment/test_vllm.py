"""What vLLM is given and what is made of its outputs; a stand-in takes its place."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from transformers import AutoTokenizer

from cotmill.augment.allocate import Allocation
from cotmill.augment.engines.base import PAPER, Question, SamplingSettings
from cotmill.augment.sampling import Job, Sampler
from cotmill.augment.store import SampleStore
from cotmill.core.errors import ModelError
from cotmill.core.ids import content_id
from cotmill.model.load import find, fingerprint_of


class StandIn:
    """Takes what vllm.LLM takes, and answers with its seed."""

    asked: list[SimpleNamespace]

    def __init__(self, *, model: str, enable_prefix_caching: bool) -> None:
        assert enable_prefix_caching
        self.tokenizer, StandIn.asked = AutoTokenizer.from_pretrained(model), []

    def get_tokenizer(self) -> Any:
        return self.tokenizer

    def generate(self, inputs: list[dict[str, list[int]]], params: list[SimpleNamespace], *, use_tqdm: bool):
        assert not use_tqdm
        StandIn.asked += params
        return [
            SimpleNamespace(
                prompt_token_ids=given["prompt_token_ids"],
                outputs=[
                    SimpleNamespace(
                        text=f"seed {told.seed}",
                        token_ids=[1, 2, 3],
                        finish_reason="abort" if number == 1 else "stop",
                        cumulative_logprob=-1.23456,
                    )
                ],
            )
            for number, (given, told) in enumerate(zip(inputs, params, strict=True))
        ]


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("vllm")
    module.__dict__.update(__version__="0.0", LLM=StandIn, SamplingParams=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "vllm", module)


def test_every_sample_is_a_request_with_its_own_seed(vllm, tmp_path):
    from cotmill.augment.engines.vllm import VllmEngine

    engine = VllmEngine("lab:llama-0.25m")
    texts = ["Tom has 4 apples.", "many " * 600]
    questions = [Question(content_id(text), text, "4") for text in texts]
    store = SampleStore.open(tmp_path / "s")
    job = Job(SamplingSettings(**PAPER), 32, Allocation(k=3), count=False)
    result = Sampler(engine, questions, store, job).run()
    rows = [row for batch in store.batches() for row in batch.to_pylist()]
    assert (result.drawn, result.failed) == (6, 4)
    assert engine.model == fingerprint_of(find("lab:llama-0.25m"))
    assert len({told.seed for told in StandIn.asked}) == 3
    assert {(told.temperature, told.top_k, told.top_p) for told in StandIn.asked} == {(0.7, 50, 1.0)}
    assert {(told.n, told.max_tokens, told.logprobs) for told in StandIn.asked} == {(1, 32, 0)}
    for row in rows:
        if row["finish_reason"] == "stop":
            assert row["text"] == f"seed {row['seed']}"
            assert (row["tokens"], row["logprob"], row["engine_version"]) == (3, -1.235, "vllm 0.0")
    assert any("abort" in problem for problem in engine.problems())


def test_without_vllm_the_way_to_a_server_is_told(monkeypatch):
    from cotmill.augment.engines.vllm import VllmEngine

    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ModelError, match=r"vllm serve MODEL.*--engine openai --url"):
        VllmEngine("lab:llama-0.25m")
