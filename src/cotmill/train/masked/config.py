"""What is noised, how much, when and with what: the setting of a masked-thought training.

Source: Chen et al. 2024, Masked Thought, arXiv 2403.02178. The defaults are the paper's: a mask token, 40 %
of the solution's tokens, the ratio climbing linearly over the first two thirds of the steps, the loss on
all solution tokens. `variant: repo` does what the public code does where it differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Listed = BeforeValidator(lambda told: tuple(told) if isinstance(told, list) else told)
"""A list where a tuple is kept, also where a recipe is read strictly."""
Replacement = Literal["mask", "random", "pad", "zero", "dropout", "neftune", "model"]
TokenClass = Literal["digits", "operators", "words"]
STRENGTHS: Mapping[str, float] = {"dropout": 0.5, "neftune": 5.0, "model": 1.0}
"""Replacements with a strength, and its value when none is told: share of the embedding that is dropped,
alpha of NEFTune, temperature of the model's own guesses."""
WARMUP = 2 / 3


class MaskConfig(BaseModel):
    """What a masked-thought training is told.

    >>> MaskConfig.parse(0.4) == MaskConfig.parse("paper") == MaskConfig()
    True
    >>> MaskConfig.parse("ratio=0.2, replacement=random").replacement
    'random'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ratio: Share = 0.4
    """Share of the tokens in scope that are noised, once the schedule is at its top."""
    schedule: Literal["linear", "constant"] = "linear"
    """Linear: from 0 at the first step to `ratio` after the share `warmup` of all steps."""
    warmup: Annotated[float, Field(gt=0, le=1)] = WARMUP
    vary: Literal["none", "row"] = "none"
    """Row: every row has a ratio of its own, uniform between 0 and the current one, new in each epoch."""
    clean: Share = 0.0
    """Share of the rows that are left as they are, others in each epoch."""
    replacement: Replacement = "mask"
    """mask: one id without a meaning; random: any id that is not special; pad: the padding id; zero: no
    embedding. For comparison: dropout and neftune on the embedding, model: the model's own guess of the token
    (scheduled sampling)."""
    strength: Annotated[float, Field(gt=0)] | None = None
    """Of dropout (share dropped), neftune (alpha) and model (temperature); None: 0.5, 5 and 1."""
    scope: Literal["solution", "question", "all"] = "solution"
    """Where noise may fall. The paper's answer is the solution; the others are its ablations."""
    only: Annotated[tuple[TokenClass, ...], Listed] = ()
    """Noise tokens of these classes alone; empty: of all."""
    span: Annotated[int, Field(gt=0)] = 1
    """Tokens that are noised together; the share that is noised stays the ratio."""
    end: bool = True
    """Whether the end-of-text token may be noised (the public code does)."""
    answer: bool = True
    """Whether the final answer may be noised: all from the mark of the answer on (the public code does)."""
    answer_marks: Annotated[tuple[str, ...], Listed] = ("####", "\\boxed")
    loss: Literal["all", "clean tokens", "clean inputs"] = "all"
    """Which labels count: all; those whose own token is not noised; those whose preceding token is not."""
    consistency: Annotated[float, Field(ge=0)] = 0.0
    """Above 0: the mean of the losses of a clean and a noised pass, and this weight times the divergence
    between their predictions (after ReMask)."""
    variant: Literal["paper", "repo"] = "paper"
    """Repo: the schedule's denominator has one step more, random ids may be special ones, and a guess of
    the model stands one place too late, as in the public code."""

    @model_validator(mode="after")
    def _fits_together(self) -> MaskConfig:
        if self.strength is not None and self.replacement not in STRENGTHS:
            raise ValueError(
                f"strength means nothing to {self.replacement!r}; it is for {', '.join(STRENGTHS)}"
            )
        if self.replacement == "dropout" and self.force > 1:
            raise ValueError(
                f"strength of dropout is a share, got {self.strength}; 1 drops the whole embedding"
            )
        if self.loss != "all" and self.consistency:
            raise ValueError("consistency compares all labels; leave loss at all")
        return self

    @property
    def force(self) -> float:
        """The strength in force."""
        return self.strength if self.strength is not None else STRENGTHS.get(self.replacement, 0.0)

    @classmethod
    def parse(cls, told: object) -> MaskConfig:
        """Read a ratio, `paper`, `repo`, `key=value, key=value`, or a mapping."""
        if isinstance(told, MaskConfig):
            return told
        return cls.model_validate(short_form(told))

    def ratio_at(self, step: int, total: int) -> float:
        """Give the ratio in force at an optimiser step (steps done before it) of so many in all.

        It depends on nothing else, so a resumed run, more workers, more processes or another accumulation
        meet the same ratio.

        >>> [MaskConfig().ratio_at(step, 90) for step in (0, 30, 60, 90)]
        [0.0, 0.2, 0.4, 0.4]
        """
        if self.schedule == "constant":
            return self.ratio
        if self.variant == "repo":
            return min(self.ratio, self.ratio * step / (self.warmup * total + 1))
        return self.ratio * min(1.0, step / total / self.warmup)


def short_form(told: object) -> object:
    """Turn the short ways of asking for a mask into the mapping that they stand for."""
    if isinstance(told, bool):
        return told
    if isinstance(told, int | float):
        return {"ratio": told}
    if not isinstance(told, str):
        return told
    text = told.strip()
    if text in ("paper", "repo"):
        # The public code's GSM8K runs replace by random ids, all its others by the mask.
        return {"variant": text}
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return (
        {"ratio": _value(text)} if "=" not in text else {key.strip(): _value(part) for key, _, part in pairs}
    )


def _value(text: str) -> Any:
    """Read one value as YAML would, so that 0.4 and true mean what they say; lists are joined by +."""
    parts = [yaml.safe_load(part) for part in text.split("+")]
    return parts if len(parts) > 1 else parts[0]
