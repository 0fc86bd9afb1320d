"""What decides which samples become training data: a mode, and what may be set apart from it.

cotmill   every spelling of answers and equations, grounding, the graph key, the spread rule (default)
paper     Yuan et al. 2023 (arXiv 2308.01825) as written: answers as numbers, the marks checked in full,
          the ordered equations as key, the greedy rule
repo      its public script, mistakes included; they are named in `augment.repo.MISTAKES`
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cotmill.augment.diversity import CANDIDATES
from cotmill.augment.keys import KEYS

Mode = Literal["cotmill", "paper", "repo"]
Rule = Literal["spread", "greedy", "first"]
SUSPECT_PATHS = 3


class Defaults(NamedTuple):
    """What a mode sets where the config says nothing."""

    key: str
    grounding: bool
    gold_seen: bool
    keep: Rule
    trim: bool
    """Whether what was written after the answer is cut off, and a trace that was cut off is refused."""


MODES: dict[str, Defaults] = {
    "cotmill": Defaults("graph", grounding=True, gold_seen=True, keep="spread", trim=True),
    "paper": Defaults("paper", grounding=False, gold_seen=True, keep="greedy", trim=True),
    "repo": Defaults("paper", grounding=False, gold_seen=False, keep="greedy", trim=False),
}


class RftConfig(BaseModel):
    """How samples are filtered, and which of them are kept; None: as the mode has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode = "cotmill"
    key: str | None = None
    """What makes two traces one path: paper, commutative, order_free, operands or graph."""
    answer: bool = True
    """Whether a trace must end in the gold answer."""
    equations: bool = True
    """Whether a trace with a wrong equation is refused."""
    grounding: bool | None = None
    """Whether a trace is refused whose operands come from nowhere or whose answer is no step's result."""
    distinct: bool = True
    """Off: every accepted sample is kept, repeats as well (the paper's row without de-duplication)."""
    gold_seen: bool | None = None
    """Whether the paths of the given solutions count as seen."""
    keep: Rule | None = None
    """Which of the traces with one key is kept."""
    without_equations: Literal["one", "all", "none"] = "one"
    """How many accepted traces of a question are kept whose path cannot be read (for keys of ours)."""
    k: Annotated[int, Field(gt=0)] | None = None
    """Use the first k samples of every question, model and settings; None: all there are."""
    candidates: Annotated[int, Field(gt=0)] = CANDIDATES
    """Traces of one key that the spread rule looks at."""
    suspect_paths: Annotated[int, Field(gt=1)] = SUSPECT_PATHS
    """Distinct paths that must agree on another answer before a gold answer is listed as suspect."""

    @model_validator(mode="after")
    def _known_key(self) -> RftConfig:
        if self.key is not None and self.key not in KEYS:
            raise ValueError(f"no key of a path is called {self.key!r}; there are {', '.join(KEYS)}")
        return self

    def resolved(self) -> RftConfig:
        """Put in what the mode decides."""
        known = MODES[self.mode]
        given: dict[str, Any] = {
            name: getattr(known, name)
            for name in ("key", "grounding", "gold_seen", "keep")
            if getattr(self, name) is None
        }
        return self.model_copy(update=given)

    @property
    def trim(self) -> bool:
        """Whether a trace ends with its answer."""
        return MODES[self.mode].trim
