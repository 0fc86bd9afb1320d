"""What a recipe may say. Frozen and strict: an unknown setting is an error, not a different experiment.

A recipe names one pipeline (`data`, `model`, `proxy`, `sample`, `augment`, `select`,
`train`, `evaluate`, `probe`). `arms` are the things
compared, each a few overrides of the pipeline; `factors` are crossed into further arms; `grid` varies
settings for all arms; every grid point, arm and seed is a cell. Overrides are merged in the order pipeline,
grid, arm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from cotmill.augment.allocate import Allocation
from cotmill.augment.config import RftConfig
from cotmill.augment.engines.base import SamplingSettings
from cotmill.core.errors import RecipeError
from cotmill.core.factors import combinations, wrong_with
from cotmill.evaluate.config import EvalConfig
from cotmill.evidence import Influence
from cotmill.execute.executor import Execution
from cotmill.measure.influence.config import GateConfig, InfluenceConfig, QueryConfig
from cotmill.recipe.sources import Count, Part, Source, TestSource
from cotmill.select import SELECTORS, Limits
from cotmill.select.budget import Budget
from cotmill.train.config import TrainConfig

Seed = int | Literal["each"]
"""A fixed seed, or "each": the seed of the cell."""
Values = Annotated[tuple[Any, ...], Field(min_length=1)]
NamedPoints = Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
NO_WEIGHT = 1e-9
"""How far from zero a sum of weights may be through rounding."""
MOST_CELLS = 10_000
"""Of one recipe; planning that many takes seconds."""
PLAIN_ARM = "all"
"""The name of the only arm of a recipe that names none."""


class Data(Part):
    """The pool that is selected from and trained on."""

    train: Source
    seed: Seed = 0
    """Added to the lab's seed; "each" makes a new pool for every seed of the recipe."""


class Proxy(Part):
    """The model that measures the pool; it may be smaller than the one that is trained."""

    model: str | None = None
    """None: the recipe's model."""
    train: TrainConfig | None = None
    """How it is fine-tuned on the pool first; None: as it comes (for trajectories: as the recipe trains)."""
    checkpoints: Count = 6
    """How many evenly spaced checkpoints a loss trajectory has."""
    samples: Count = 4
    """Answers per question for a pass rate, at temperature 1."""
    max_new_tokens: Count = 256
    """Where such an answer is cut off."""
    record: Literal["snapshots", "in_loop", "seen"] = "snapshots"
    """How a trajectory comes about: from snapshots after the training, by sweeps inside its loop, which keep
    no weights, or from the losses that rows had when they were trained on, which cost nothing."""
    max_length: Count | None = None
    validation: TestSource | None = None
    """Questions that influence is measured towards; those that are in a test are left out."""
    answers: EvalConfig | None = None
    """How both models answer them; None: as the tests are answered."""
    queries: QueryConfig = QueryConfig()
    influence: InfluenceConfig = InfluenceConfig()
    gate: GateConfig = GateConfig()
    """How influence scores are put to the test before rows are chosen by them."""
    seed: Seed = 0
    """One proxy serves all seeds of a recipe unless this is "each"."""


class Select(Part):
    """Which rows are trained on: a method, its budget, and the method's own options beside them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    method: str
    budget: str | int
    seed: Seed = "each"
    before_augment: bool = False
    """Choose among the given rows, and sample for and augment what is left; else choose after that."""
    limits: Limits | None = None
    """Minima and quotas of strata, and near-duplicates that count once."""
    queries: TestSource | None = None
    """Examples of what the model is to be good at, for the methods that compare rows with some."""

    @field_validator("budget")
    @classmethod
    def _readable(cls, budget: str | int) -> str:
        try:
            return str(Budget.parse(budget))
        except RecipeError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _known_method(self) -> Select:
        if self.method not in SELECTORS:
            raise ValueError(f"no method is called {self.method!r}; there are {', '.join(SELECTORS)}")
        if SELECTORS[self.method].asks and self.queries is None:
            raise ValueError(
                f"method {self.method} compares rows with queries; give some, for example "
                "queries: {lab: {set: in_domain, rows: 50, seed: 7}}"
            )
        try:
            SELECTORS[self.method].model_validate(self.options)
        except ValidationError as error:
            raise ValueError(_option_error(self.method, error)) from error
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The method's own options."""
        return dict(self.model_extra or {})


def _option_error(method: str, error: ValidationError) -> str:
    """Say which option of a method is wrong, and which there are."""
    first = error.errors()[0]
    name = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(SELECTORS[method].model_fields) or "none"
        return f"method {method} has no option {name!r}; its options are: {known}"
    return f"option {name} of method {method}: {first['msg']}"


class Train(TrainConfig):
    """How the model is fine-tuned."""

    seed: Seed = "each"


class Evaluate(EvalConfig):
    """What the trained model is asked, and how it answers."""

    tests: dict[str, TestSource]
    seed: Seed = 0


class Sample(Part):
    """Candidate solutions to the questions of the pool, drawn from one model or several."""

    k: Count = 100
    """Samples of a question; the most, where the allocation lets it vary. One store serves every k below."""
    model: str | tuple[str, ...] | None = None
    """None: the recipe's model. Several: each draws k samples, and `augment` pools them."""
    tuned: bool = True
    """Whether a model is fine-tuned on the pool before it is sampled from."""
    train: TrainConfig | None = None
    """How; None: as the recipe trains. Arms that differ in `train` share their samples when this is given."""
    temperature: Annotated[float, Field(ge=0, le=10)] = 0.7
    top_k: Annotated[int, Field(ge=0)] = 0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_new_tokens: Count = 256
    allocation: dict[str, Any] = Field(default={})
    """How many samples each question gets: `scheme` and its numbers, as in `cotmill sample`; else k each."""
    questions: Count | None = None
    """At most so many questions, drawn by hash."""
    seed: Seed = "each"

    @model_validator(mode="after")
    def _usable_allocation(self) -> Sample:
        try:
            self.allocated()
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"allocation.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        return self

    @property
    def models(self) -> tuple[str | None, ...]:
        """The models that are sampled from; None is the recipe's."""
        return self.model if isinstance(self.model, tuple) else (self.model,)

    def allocated(self) -> Allocation:
        """The rule that says how many samples each question gets."""
        return Allocation(**{"k": self.k, **self.allocation})

    def settings(self, seed: int) -> SamplingSettings:
        """What decides the distribution of a sample."""
        told = {name: getattr(self, name) for name in ("temperature", "top_k", "top_p")}
        return SamplingSettings(**told, seed=seed)


class Pipeline(Part):
    """One way from data to a result."""

    data: Data
    model: str
    proxy: Proxy = Proxy()
    sample: Sample | None = None
    augment: RftConfig | None = None
    """Verified, distinct paths out of the samples; what comes after sees the given rows and these."""
    select: Select | None = None
    train: Train | None = None
    """None: the model is evaluated as it comes."""
    evaluate: Evaluate | None = None
    probe: TestSource | None = None
    """Rows with worked solutions, whose numbers are altered one by one: what does each model rely on?"""

    @field_validator("proxy", mode="before")
    @classmethod
    def _short_proxy(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else {} if value is None else value

    @model_validator(mode="after")
    def _does_something(self) -> Pipeline:
        if self.augment is not None and self.sample is None:
            raise ValueError("augment needs samples; write sample: {k: 100}")
        if self.sample is not None and self.sample.tuned and not (self.sample.train or self.train):
            raise ValueError(
                "sample fine-tunes its models; write sample: {train: {steps: 300}} or tuned: false"
            )
        if self.train is None and self.augment is not None and self.evaluate is not None:
            raise ValueError(
                "augment has no effect on evaluate when train is null; write train: {steps: 300}"
            )
        if self.train is None and self.select is not None and self.evaluate is not None:
            raise ValueError("select has no effect on evaluate when train is null; write train: {steps: 300}")
        return self

    @model_validator(mode="after")
    def _knows_its_validation_set(self) -> Pipeline:
        if self.select is None or SELECTORS[self.select.method].needs is not Influence:
            return self
        if self.proxy.validation is None:
            raise ValueError(
                "influence is measured towards questions of a validation set; write for example "
                "proxy: {validation: {lab: {set: in_domain, rows: 300, seed: 1}}}"
            )
        if self.proxy.train is None and self.train is None:
            raise ValueError("influence needs a fine-tuned model; write proxy: {train: {steps: 300}}")
        tests = {} if self.evaluate is None else self.evaluate.tests
        for name, test in tests.items():
            if test == self.proxy.validation:
                raise ValueError(
                    f"the test {name!r} is the validation set; rows that are chosen by a test must not be "
                    "judged by it"
                )
        return self


class Execute(Execution):
    """Where a recipe is worked on; none of it decides a result."""

    share: Literal["steps", "shards"] = "steps"
    """What the engine's workers are given: whole steps, side by side, or the shards of one step after the
    other (measuring, sampling, choosing paths; training stays here)."""


class Varied(Part):
    """What is varied in a pipeline, and what is compared."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    about: str = ""
    """One paragraph in words; it opens the report."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    grid: dict[str, Values | NamedPoints] = Field(default={})
    """Dotted setting to the values it takes; or any name to named points, each a few overrides together."""
    factors: dict[str, NamedPoints] = Field(default={})
    """Name to levels, each a few overrides; every combination is an arm, that of the first the baseline."""
    arms: dict[str, dict[str, Any]] = Field(default={})
    """Name to overrides of the pipeline; none: one arm, the pipeline itself."""
    compare_to: str | None = None
    """The arm that the others are compared to."""
    execute: Execute = Execute()
    """Where the work is done: on this machine, on a Ray cluster, by jobs of Slurm."""
    contrasts: dict[str, dict[str, float]] = Field(default={})
    """Further questions: a name, and the weight of each arm in the sum that answers it."""

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"a seed is listed twice in {list(seeds)}")
        return seeds

    @model_validator(mode="after")
    def _sound_design(self) -> Varied:
        self._refuse_too_many()
        wrong = [*wrong_with(self.factors, self.arms), *self._wrong_contrasts()]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _refuse_too_many(self) -> None:
        """Count the cells before any is laid out: a few lines of YAML can ask for millions."""
        crossed = math.prod(map(len, self.factors.values())) if self.factors else 0
        arms = crossed + len(self.arms) or 1
        points = math.prod(map(len, self.grid.values()))
        cells = arms * points * len(self.seeds)
        if cells > MOST_CELLS:
            raise ValueError(
                f"{arms:,} arms, {points:,} grid points and {len(self.seeds):,} seeds make {cells:,} cells; "
                f"at most {MOST_CELLS:,} fit into one Run: vary less at once, or write several recipes"
            )

    def _wrong_contrasts(self) -> Iterator[str]:
        """Say which contrasts name no arm, or compare nothing."""
        for name, weights in self.contrasts.items():
            unknown = [arm for arm in weights if arm not in self.arm_names]
            if unknown:
                yield f"the contrast {name!r} names {unknown[0]!r}, which is no arm"
            elif not any(weights.values()) or abs(sum(weights.values())) > NO_WEIGHT:
                yield f"the weights of the contrast {name!r} must add up to zero, as in {{one: 1, other: -1}}"

    @property
    def arm_names(self) -> tuple[str, ...]:
        """All arms: those that the factors make, and those that are named."""
        return (*combinations(self.factors), *self.arms) or (PLAIN_ARM,)


class Recipe(Varied, Pipeline):
    """Everything that may stand in a recipe file."""


def recipe_schema() -> dict[str, Any]:
    """Give the JSON schema of a recipe, for editors."""
    schema = Recipe.model_json_schema()
    schema["title"] = "cotmill recipe"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$defs"]["MaskConfig"] = {
        "anyOf": [{"type": "number"}, {"type": "string"}, schema["$defs"]["MaskConfig"]]
    }
    schema["$defs"]["Proxy"] = {"anyOf": [{"type": "string"}, schema["$defs"]["Proxy"]]}
    return schema
