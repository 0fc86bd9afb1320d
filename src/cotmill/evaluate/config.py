"""What an evaluation is told: frozen, strictly validated, the same words in Python, YAML and the CLI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(gt=0)]


class EvalConfig(BaseModel):
    """How a model is asked: greedy once, or several samples a question, or only for its loss."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: Annotated[int, Field(ge=0)] = 1
    """Answers per question; 0 generates nothing and measures only the loss."""
    temperature: Annotated[float, Field(ge=0)] = 0.0
    """0 is greedy."""
    max_new_tokens: Positive = 256
    """Where an answer is cut off; cut answers are graded as they stand and counted as truncated."""
    batch_size: Positive | None = None
    """Prompts at once; None lets the model decide. Memory that runs out halves it."""
    save_every: Positive | None = None
    """Answers between two writes to disk; None: 1,024, or 64 where a CPU runs a model that is not small."""
    limit: Positive | None = None
    """At most so many questions, drawn by hash: the same for every model, nested across sizes."""
    prompt: str = "{question}"
    """What surrounds the question; a model is to be asked in the words that it was trained on."""
    form: Literal["auto", "plain", "chat"] = "auto"
    """How a question becomes tokens; auto takes the model's chat template where it has one."""
    stop: tuple[str, ...] = ()
    """An answer is graded up to the first of these texts; the whole output is kept."""
    bertscore: str = ""
    """For texts: the encoder, NAME or NAME@LAYER, that BERTScore compares with; empty: no BERTScore."""
    loss: bool = False
    """Also measure the mean loss of the gold solutions, in nats per token."""

    @model_validator(mode="after")
    def _consistent(self) -> EvalConfig:
        """Refuse settings that would measure nothing, or one thing many times."""
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                f"samples is {self.samples} at temperature 0: all samples would be equal; set a temperature"
            )
        if self.samples == 0 and not self.loss:
            raise ValueError("samples is 0 and loss is false: nothing is measured; set one of them")
        if "{question}" not in self.prompt:
            raise ValueError(
                "prompt has no {question} in it; write for example 'Question: {question}\\nAnswer:'"
            )
        return self

    def asked(self, question: str) -> str:
        """Put a question into the prompt."""
        return self.prompt.replace("{question}", question)
