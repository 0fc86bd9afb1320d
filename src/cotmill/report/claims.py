"""Claims of papers, what would make each of them reproduced, and the verdict that an interval gives.

A claim is data (`docs/evidence/claims.yaml`): what the paper says and which number it reports, the recipe and
the arms that test it here, and the rule. A rule looks at the 95 % interval alone; nobody decides by hand:

    above        reproduced when the interval is above zero, opposite when it is below
    below        the other way round
    not below    reproduced when the interval is above -margin, opposite when it is below that
    not above    the other way round
    no change    reproduced when the interval lies within ±margin, opposite when it lies beyond

Anything else is not reproduced: the interval holds both what the paper says and its absence. Where no arm
answers one question in twenty, nothing is said of the claim: such a Run could not test it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cotmill.core.errors import DataError

Verdict = Literal["reproduced", "not reproduced", "opposite", "could not be tested here", "not yet tested"]
VERDICTS: tuple[Verdict, ...] = (
    "reproduced", "not reproduced", "opposite", "could not be tested here", "not yet tested",
)  # fmt: skip
Expect = Literal["above", "below", "not below", "not above", "no change"]
WITH_MARGIN = ("not below", "not above", "no change")
NO_WEIGHT = 1e-9
NEAR_ZERO = 0.05
"""Below this accuracy of every arm, differences say next to nothing; as in the findings of a report."""


class Part(BaseModel):
    """Base of everything below."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(Part):
    """One arm of a sum, at some grid point, with its weight."""

    arm: str
    weight: float
    grid: dict[str, str] = {}


class Counted(Part):
    """A number that a step of the Run leaves, as JSON or in a table, in place of answers to a test."""

    role: str
    """The step's role in a cell: `augment`, `probe`, …"""
    file: str
    where: dict[str, str] = {}
    """Which row of a Parquet table."""
    value: str
    per: str | None = None
    """Divided by this one."""
    unit: str


class Setting(Part):
    """Where a claim is tested: a recipe, a test, a sum of arms, and what the sum should be."""

    recipe: str
    tests: Annotated[tuple[str, ...], Field(min_length=1)] = ("in_domain",)
    sum: Annotated[tuple[Term, ...], Field(min_length=1)]
    """Over every grid point that its terms leave open, one result."""
    expect: Expect = "above"
    margin: float = 0.0
    """As a share: 0.01 is a point of accuracy."""
    counted: Counted | None = None
    note: str = ""

    @model_validator(mode="after")
    def _a_comparison(self) -> Setting:
        if self.counted is None and abs(sum(term.weight for term in self.sum)) > NO_WEIGHT:
            raise ValueError("the weights of a sum must add up to zero, as in a difference of two arms")
        if self.expect in WITH_MARGIN and self.margin <= 0:
            raise ValueError(f"the rule {self.expect!r} needs a margin above zero")
        return self


class Claim(Part):
    """One thing that a paper says."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    paper: str
    says: str
    reported: str
    """The paper's number."""
    setting: str = ""
    """The paper's: models and data."""
    tested: tuple[Setting, ...] = ()
    untested: str = ""
    """Why it cannot be tested here; then there is nothing in `tested`."""
    command: str = ""
    """Where there is no recipe for it: what to type."""
    remark: str = ""
    """What was learnt, in a sentence or two, written when the results were there."""

    @model_validator(mode="after")
    def _one_way(self) -> Claim:
        if bool(self.tested) == bool(self.untested or self.command):
            raise ValueError(f"{self.id}: give either `tested`, or `untested` or `command`")
        return self


class Paper(Part):
    """A paper, as it is called on the page."""

    title: str
    where: str
    marks: str = ""
    """How its numbers are known: read in the paper, or second-hand."""


class Claims(Part):
    """The whole file."""

    papers: dict[str, Paper]
    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _known_papers(self) -> Claims:
        ids = [claim.id for claim in self.claims]
        for claim in self.claims:
            if claim.paper not in self.papers:
                raise ValueError(f"{claim.id}: no paper is called {claim.paper!r}")
            if ids.count(claim.id) > 1:
                raise ValueError(f"{claim.id} is there twice")
        return self

    @property
    def recipes(self) -> tuple[str, ...]:
        """All recipes that test something."""
        return tuple(dict.fromkeys(one.recipe for claim in self.claims for one in claim.tested))


def read_claims(path: Path) -> Claims:
    """Read the file of claims.

    Raises:
        DataError: something in it is not a claim; says where and what was expected.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Claims.model_validate_json(json.dumps(tree), strict=True)
    except (OSError, yaml.YAMLError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(str(step) for step in first["loc"])
        raise DataError(f"{path}: {at}: {first['msg']}") from error


class Result(Part):
    """What a Run says to one setting of a claim, at one grid point and on one test."""

    claim: str
    place: int
    """Which of the claim's settings."""
    test: str
    grid: dict[str, str]
    difference: float
    low: float
    high: float
    seeds: int
    items: int
    means: dict[str, float]
    """The mean of every arm in the sum."""


def verdict_of(setting: Setting, result: Result) -> Verdict:
    """Judge one result by the setting's rule.

    >>> told = {"recipe": "x", "sum": [{"arm": "a", "weight": 1}, {"arm": "b", "weight": -1}]}
    >>> found = {"claim": "c", "place": 0, "test": "t", "grid": {}, "seeds": 5, "items": 9, "means": {}}
    >>> verdict_of(Setting(**told), Result(**found, difference=0.02, low=0.01, high=0.03))
    'reproduced'
    """
    if setting.counted is None and result.means and max(result.means.values()) < NEAR_ZERO:
        return "could not be tested here"
    low, high, margin = result.low, result.high, setting.margin
    if setting.expect in ("below", "not above"):
        low, high = -high, -low
    if setting.expect == "no change":
        if -margin <= low and high <= margin:
            return "reproduced"
        return "opposite" if low > margin or high < -margin else "not reproduced"
    floor = -margin if setting.expect in WITH_MARGIN else 0.0
    return "reproduced" if low > floor else "opposite" if high < floor else "not reproduced"


def verdicts_of(claim: Claim, results: Mapping[str, list[Result]]) -> list[tuple[Setting, Result, Verdict]]:
    """Judge every result that there is for a claim, in the order of its settings."""
    found = []
    for place, setting in enumerate(claim.tested):
        here = [one for one in results.get(setting.recipe, ()) if (one.claim, one.place) == (claim.id, place)]
        found += [(setting, one, verdict_of(setting, one)) for one in here]
    return found


def overall(claim: Claim, found: list[tuple[Setting, Result, Verdict]]) -> dict[Verdict, int]:
    """Count the verdicts of a claim; one of no result says why there is none."""
    if not found:
        return {"could not be tested here" if claim.untested else "not yet tested": 1}
    counts: dict[Verdict, int] = {}
    for verdict in VERDICTS:
        here: Any = [one for _, _, one in found if one == verdict]
        if here:
            counts[verdict] = len(here)
    return counts
