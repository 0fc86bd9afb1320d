"""Two tiny models of different build, rows of them, and everything about them in double precision."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from cotmill.measure.influence.modules import Tracked, tracked_modules
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRow, TokenisedRows, flat_rows

VOCABULARY = 23


@dataclass
class Ends:
    """What the engine asks of a tokenizer."""

    pad_token_id: int = 0
    eos_token_id: int = 1


def make_llama() -> LanguageModel:
    """Two layers of gated MLPs without biases, grouped attention."""
    shape = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(**shape, num_key_value_heads=1, vocab_size=VOCABULARY, max_position_embeddings=64)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = LlamaForCausalLM(config).float()
    with torch.no_grad():
        for part in model.parameters():
            part.mul_(8.0 if part.ndim == 2 else 1.0)
    return LanguageModel(model.eval(), Ends(), "tiny-llama", "llama")


def make_gpt2() -> LanguageModel:
    """Two layers of Conv1D modules with biases, which store their weights turned."""
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=64, n_embd=8, n_layer=2, n_head=2)
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = GPT2LMHeadModel(config).float()
    with torch.no_grad():
        for part in model.parameters():
            part.mul_(8.0 if part.ndim == 2 else 1.0)
    return LanguageModel(model.eval(), Ends(), "tiny-gpt2", "gpt2")


def make_rows(count: int, seed: int = 0, *, longest: int = 14) -> TokenisedRows:
    """Rows of random tokens, prompts of different lengths; the last one has no label."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        length = int(rng.integers(4, longest))
        ids = rng.integers(2, VOCABULARY, length).astype(np.int32)
        start = length if number == count - 1 else int(rng.integers(1, length - 1))
        rows.append(TokenisedRow(f"{seed:02d}row{number:027d}", ids, start, truncated=False))
    return flat_rows(rows, 64)


@pytest.fixture(scope="session", params=["llama", "gpt2"])
def lm(request) -> LanguageModel:
    return make_llama() if request.param == "llama" else make_gpt2()


@pytest.fixture(scope="session")
def tracked(lm) -> tuple[Tracked, ...]:
    return tracked_modules(lm)


@pytest.fixture(scope="session")
def rows() -> TokenisedRows:
    return make_rows(19)


@pytest.fixture(scope="session")
def queries() -> TokenisedRows:
    return make_rows(8, seed=1)


class Dense:
    """The same model in double precision, differentiated row by row without any of our code."""

    def __init__(self, lm: LanguageModel, tracked: tuple[Tracked, ...]) -> None:
        make = make_llama if lm.name == "tiny-llama" else make_gpt2
        self.lm = replace(make(), model=make().model.double())
        self.tracked = tracked_modules(self.lm)
        assert [one.name for one in self.tracked] == [one.name for one in tracked]

    def flat(self, parts: dict[str, torch.Tensor]) -> torch.Tensor:
        """Lay [W b] of all layers into one vector."""
        rows = []
        for one in self.tracked:
            weight = parts[f"{one.name}.weight"]
            weight = weight.T if one.transposed else weight
            if one.bias:
                weight = torch.cat([weight, parts[f"{one.name}.bias"][:, None]], 1)
            rows.append(weight.reshape(-1))
        return torch.cat(rows)

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: part for one in self.tracked for name, part in one.weights().items()}

    def logits(self, rows: TokenisedRows, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        row = rows.row(place)
        ids = torch.from_numpy(row.ids.astype(np.int64))[None]
        first = max(row.start, 1)
        return self.lm.model(input_ids=ids).logits[0, first - 1 : -1], ids[0, first:]

    def gradient_of(self, value: torch.Tensor) -> torch.Tensor:
        weights = self.weights()
        found = torch.autograd.grad(value, list(weights.values()), retain_graph=True)
        return self.flat(dict(zip(weights, found, strict=True)))

    def gradient(self, rows: TokenisedRows, place: int) -> torch.Tensor:
        """Of the summed loss of one row."""
        logits, targets = self.logits(rows, place)
        return self.gradient_of(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"))

    def gauss_newton(self, rows: TokenisedRows) -> torch.Tensor:
        """Mean over rows of Σ_labels Jᵀ (diag p - ppᵀ) J, with every derivative taken one by one."""
        total, count = 0.0, 0
        for place in np.flatnonzero(rows.labels).tolist():
            logits, _ = self.logits(rows, place)
            count += 1
            for line in logits:
                jacobian = torch.stack([self.gradient_of(one) for one in line])
                shares = torch.softmax(line.detach(), 0)
                total = total + jacobian.T @ (torch.diag(shares) - torch.outer(shares, shares)) @ jacobian
        return total / count


@pytest.fixture(scope="session")
def dense(lm, tracked) -> Dense:
    return Dense(lm, tracked)
