"""Where a recipe's rows come from: a generated pool, a benchmark, a file; for training and for tests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cotmill.lab.testsets import TEST_SETS

Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Base of everything below."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LabPool(Part):
    """A pool of generated problems, a share of its rows with a labelled defect."""

    rows: Count
    defects: Share | dict[str, Share] = 0.0
    """One rate over all kinds, or a rate for each kind."""
    min_steps: Count = 1
    max_steps: Count = 4
    mix: dict[str, Share] | None = None
    """Share of each family of problems; None: the lab's heavy-tailed mix."""
    sound_only: bool | None = None
    """Take the rows with a defect out again, as an oracle that knows them would: for comparison only."""
    seed: int = 0


class LabTest(Part):
    """Questions of the lab's test side, which never meet the training side."""

    set: str
    rows: Count = 500
    min_steps: Count | None = None
    max_steps: Count | None = None
    sentences: Count | None = None
    """Irrelevant sentences in each question of the set `distractors`."""
    seed: int = 0

    @field_validator("set")
    @classmethod
    def _known_set(cls, name: str) -> str:
        if name not in TEST_SETS:
            raise ValueError(f"no test set is called {name!r}; there are {', '.join(TEST_SETS)}")
        return name


class Clinical(Part):
    """Made-up clinical findings with their impression: the lab's domain without arithmetic."""

    rows: Count
    seed: int = 0


class Source(Part):
    """Rows to train on: made by the lab, or read from a file, a folder or the hub."""

    lab: LabPool | None = None
    clinical: Clinical | None = None
    file: str | None = None
    form: str = "auto"
    columns: dict[str, str] | None = None
    limit: Count | None = None
    hold_aside: Count | None = None
    """So many rows, drawn by hash, are left out; a test source of this file with `held_aside` has them."""

    @model_validator(mode="after")
    def _one_source(self) -> Source:
        _exactly_one(self, ("lab", "clinical", "file"))
        return self


class TestSource(Part):
    """Questions to ask: made by the lab, a known benchmark, or read from a file."""

    __test__ = False  # not a test of ours, whatever its name says to pytest

    lab: LabTest | None = None
    clinical: Clinical | None = None
    benchmark: str | None = None
    file: str | None = None
    metric: Literal["answer", "text"] | None = None
    """What answers are judged by: the gold answer, or the text (ROUGE-L, BLEU). None: what the rows have."""
    form: str = "auto"
    columns: dict[str, str] | None = None
    rows: Count | None = None
    """At most so many, drawn by hash."""
    held_aside: Count | None = None
    """Only the rows that a training source of the same file holds aside, when it is told the same number."""

    @model_validator(mode="after")
    def _one_source(self) -> TestSource:
        _exactly_one(self, ("lab", "clinical", "benchmark", "file"))
        return self


def _exactly_one(source: BaseModel, names: tuple[str, ...]) -> None:
    """Refuse a source that is none of its kinds, or two."""
    given = [name for name in names if getattr(source, name) is not None]
    if len(given) != 1:
        told = " and ".join(given) if given else "none of them"
        raise ValueError(f"exactly one of {', '.join(names)} must be given, got {told}")
