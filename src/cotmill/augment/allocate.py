"""How many samples each question gets: fixed, until enough are correct, by difficulty, or while it pays.

    fixed        k for every question (arXiv 2308.01825, k = 100)
    correct      until `correct` samples are correct
    uniform      DART-Math's Uniform (arXiv 2407.13690): the same rule at its published size, 40 correct
    prop2diff    DART-Math's Prop2Diff: until the number of correct samples is proportional to the
                 question's difficulty, the hardest getting `correct`. Difficulty is the share of a first
                 round of `first` samples that failed; a question gets ceil(correct × difficulty), and one
                 at least, so that none is left out (where theirs gives an easy question none, it is kept by
                 the human solution)
    yield        while the next sample is worth its tokens: stop when
                     P(next sample is a new correct path) / tokens of a sample < price
                 with the Good–Turing estimate of P from `richness`, which counts wrong samples as samples

All stop at `k` samples. DART-Math's own script stops one correct sample later than its paper says (it
compares with > where >= is meant); ours stops at the number.

Samples are drawn in rounds. Round 1 gives everyone the same; what a question gets in a later round is a
function of its own earlier samples, in the order of their index, and of nothing else. So a decision made
again after a kill, in another process, or with other questions beside it, is the same decision.

With a budget of `tokens` the questions share it: rounds go on until it is spent, and where a round would
take more than is left, questions get their part of it in the order of their hash. Every scheme can then be
compared at equal tokens; `fixed` draws in rounds too. The budget is met to within the mean's error over
the last samples, and the first round is drawn whatever it takes. Decisions still depend on stored samples
alone, but on those of all questions of the call.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cotmill.augment.outcomes import Found
from cotmill.augment.richness import unseen_probability
from cotmill.core.errors import RecipeError
from cotmill.core.ids import order_keys

Scheme = Literal["fixed", "correct", "uniform", "prop2diff", "yield"]
SCHEMES: tuple[Scheme, ...] = ("fixed", "correct", "uniform", "prop2diff", "yield")
CORRECT: dict[str, int] = {"correct": 4, "uniform": 40, "prop2diff": 40}
"""Correct samples that are aimed at when nothing is said."""


class Allocation(BaseModel):
    """A scheme and its numbers. `price` is in new correct paths per 1,000 tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Scheme = "fixed"
    k: int = Field(default=100, ge=1)
    """Most samples of a question."""
    correct: int | None = Field(default=None, ge=1)
    first: int = Field(default=8, ge=1)
    """Samples of every question in the first round."""
    step: int = Field(default=8, ge=1)
    """Most samples of a question in a later round."""
    price: float = Field(default=0.5, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    """Most tokens of all questions together."""

    @model_validator(mode="after")
    def _refuse_unused(self) -> Allocation:
        if self.correct is not None and self.scheme not in CORRECT:
            raise ValueError(f"the scheme {self.scheme} aims at no number of correct samples")
        return self

    @property
    def aim(self) -> int:
        """Correct samples that are aimed at, for the schemes that aim at any."""
        return self.correct if self.correct is not None else CORRECT[self.scheme]

    @property
    def listens(self) -> bool:
        """Whether samples must be verified before the next are drawn."""
        return self.scheme != "fixed" or self.tokens is not None

    def start(self) -> int:
        """Samples of every question in the first round."""
        return min(self.k, self.first) if self.listens else self.k

    def more(self, found: Found, first: Found, drawn: int) -> int:
        """Samples that a question gets next, 0 to stop.

        `found` is what its `drawn` samples so far brought, `first` what those of the first round did.
        """
        if not self.listens or drawn >= self.k:
            return 0
        return min(self._wanted(found, first), self.step, self.k - drawn)

    def _wanted(self, found: Found, first: Found) -> int:
        """Draw on, as the scheme says."""
        if self.scheme == "fixed":
            return self.step
        return self._while_it_pays(found) if self.scheme == "yield" else self._until(found, first)

    def affordable(self, wanted: Mapping[str, int], found: Iterable[Found]) -> dict[str, int]:
        """Cut what questions would get to what is left of the budget, in the order of their hash."""
        if self.tokens is None:
            return dict(wanted)
        spent = samples = 0
        for one in found:
            spent, samples = spent + one.tokens, samples + one.samples
        left = int((self.tokens - spent) * samples / max(spent, 1))
        ids = list(wanted)
        given = dict.fromkeys(ids, 0)
        for place in np.argsort(order_keys(0, np.array(ids, dtype="<U32")), kind="stable").tolist():
            given[ids[place]] = max(0, min(wanted[ids[place]], left))
            left -= given[ids[place]]
        return given

    def _until(self, found: Found, first: Found) -> int:
        """Draw about as many as the missing correct ones should take."""
        missing = self.target(first) - found.correct
        if missing <= 0:
            return 0
        # The rule of succession: a question without a correct sample is not hopeless yet.
        rate = (found.correct + 1) / (found.samples + 2)
        return math.ceil(missing / rate)

    def target(self, first: Found) -> int:
        """Correct samples that a question should have."""
        if self.scheme != "prop2diff":
            return self.aim
        return max(1, math.ceil(self.aim * difficulty(first)))

    def _while_it_pays(self, found: Found) -> int:
        """Draw a step more while the next sample is worth more than the price."""
        return self.step if worth(found) >= self.price / 1000 else 0


def difficulty(first: Found) -> float:
    """Share of the first samples that failed.

    >>> difficulty(Found(samples=8, correct=6))
    0.25
    """
    return 1.0 if not first.samples else 1 - first.correct / first.samples


def worth(found: Found) -> float:
    """Expected new correct paths per token of the next sample.

    >>> worth(Found(samples=10, correct=6, paths=(4, 1, 1), tokens=1000))
    0.002
    """
    mean = found.tokens / found.samples if found.samples else 1.0
    return unseen_probability(found.paths, found.samples) / max(mean, 1.0)


def scheme_named(name: str) -> Scheme:
    """Find a scheme.

    Raises:
        RecipeError: there is none of that name.
    """
    for scheme in SCHEMES:
        if scheme == name:
            return scheme
    raise RecipeError(f"no allocation is called {name!r}; there are {', '.join(SCHEMES)}")
