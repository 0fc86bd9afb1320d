"""Samples from vLLM in this process, where it is installed; otherwise the way to a server is told.

vLLM pins its own torch and transformers, so it often lives in another environment: start `vllm serve`
there and use the engine `openai`. In process every sample is a request of its own with its own seed:
one seed for several samples would repeat the same streams for every prompt. Log-probabilities are the
model's own. vLLM's results can depend on what else is in the batch (it says so itself).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from transformers import AutoConfig

from cotmill.augment.engines.base import (
    TOO_LONG,
    Ask,
    Deliver,
    Prompt,
    Question,
    SamplingSettings,
    refuse_extra,
    rows_of,
    sample_of,
)
from cotmill.augment.samples import Sample, prompt_hash
from cotmill.core.errors import ModelError
from cotmill.model.load import find, fingerprint_of, longest_row
from cotmill.model.render import Form, render
from cotmill.model.tokenise import tokenise_prompts

BLOCK = 16_384
"""Samples between two writes: the engine must not run dry."""


def imported() -> Any:
    """Import vLLM.

    Raises:
        ModelError: it is not here; the message says what to type instead.
    """
    try:
        import vllm  # pyright: ignore[reportMissingImports] - an extra that few machines can have
    except ImportError as error:
        raise ModelError(
            f"vLLM cannot be imported here ({error}). Either install it beside cotmill, or start it in an "
            "environment of its own with: vllm serve MODEL --port 8000, then type: cotmill sample "
            "--engine openai --url http://localhost:8000/v1 --model MODEL …"
        ) from error
    return vllm


class VllmEngine:
    """Draws samples through `vllm.LLM`."""

    name = "vllm"
    block = BLOCK

    def __init__(self, model: str, *, form: Form = "auto") -> None:
        """Load a model by folder, hub name or lab name."""
        vllm = imported()
        folder = find(model)
        self.model, self.model_name = fingerprint_of(folder), model
        self.form: Form = form
        self.version = f"vllm {vllm.__version__}"
        self._params = vllm.SamplingParams
        self._llm = vllm.LLM(model=str(folder), enable_prefix_caching=True)
        self._tokenizer = self._llm.get_tokenizer()
        self._room = longest_row(AutoConfig.from_pretrained(folder), self._tokenizer)
        self._problems: Counter[str] = Counter()

    def prompts(self, questions: Sequence[Question], template: str) -> list[Prompt]:
        """Render and tokenise questions by the code that training uses; vLLM gets token ids."""
        rows = rows_of(questions, template)
        texts = [rendered.prompt for rendered in render(self._tokenizer, rows, self.form)]
        tokens = tokenise_prompts(self._tokenizer, rows, form=self.form)
        return [
            Prompt(question, prompt_hash(text), len(ids), ids)
            for question, text, ids in zip(questions, texts, tokens, strict=True)
        ]

    def shown(self, prompt: Prompt) -> str:
        """Write a prompt out."""
        return self._tokenizer.decode(prompt.content)

    def draw(
        self, asks: Sequence[Ask], settings: SamplingSettings, max_new_tokens: int, deliver: Deliver
    ) -> None:
        """Draw one sample for each ask."""
        refuse_extra(settings)
        refused = [ask for ask in asks if len(ask.prompt.content) >= self._room]
        asks = [ask for ask in asks if len(ask.prompt.content) < self._room]
        deliver([self._too_long(ask, max_new_tokens) for ask in refused])
        params = [
            self._params(
                n=1,
                seed=ask.seed,
                temperature=settings.temperature,
                top_k=settings.top_k or -1,
                top_p=settings.top_p,
                max_tokens=max_new_tokens,
                logprobs=0,
            )
            for ask in asks
        ]
        inputs = [{"prompt_token_ids": list(ask.prompt.content)} for ask in asks]
        outputs = self._llm.generate(inputs, params, use_tqdm=False)
        deliver([self._sample(ask, out, max_new_tokens) for ask, out in zip(asks, outputs, strict=True)])

    def pace(self, prompts: Sequence[Prompt], settings: SamplingSettings) -> float | None:
        """Not known before: the pace is that of a full engine."""
        del prompts, settings

    def problems(self) -> dict[str, int]:
        """Say what went wrong so far."""
        return dict(self._problems)

    def _too_long(self, ask: Ask, max_new_tokens: int) -> Sample:
        """Fail a sample whose prompt vLLM would refuse together with all others."""
        self._problems[TOO_LONG] += 1
        length = len(ask.prompt.content)
        return sample_of(
            self, ask, max_new_tokens, text="", tokens=0, prompt_tokens=length, finish_reason="error",
            logprob=None,
        )  # fmt: skip

    def _sample(self, ask: Ask, output: Any, max_new_tokens: int) -> Sample:
        said = output.outputs[0]
        well = said.finish_reason in {"stop", "length"}
        if not well:
            self._problems[f"vLLM ended a sample with {said.finish_reason!r}"] += 1
        return sample_of(
            self,
            ask,
            max_new_tokens,
            text=said.text if well else "",
            tokens=len(said.token_ids),
            prompt_tokens=len(output.prompt_token_ids),
            finish_reason=said.finish_reason if well else "error",
            logprob=None if said.cumulative_logprob is None else round(float(said.cumulative_logprob), 3),
        )
