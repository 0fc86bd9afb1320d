"""What the measuring of influence can be told. No torch here, so that a recipe is checked without it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cotmill.model.render import Form

Curvature = Literal["identity", "diagonal", "kfac", "ekfac"]
Which = Literal["mlp", "all", "lora"]
Route = Literal["auto", "backward", "forward", "differences"]
DAMPING = 0.1
"""Times the mean eigenvalue of the layer: the default of Grosse et al. 2023 and of Kronfluence."""


class Part(BaseModel):
    """Base of everything below."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FactorConfig(Part):
    """How the curvature is measured."""

    curvature: Curvature = "ekfac"
    modules: Which = "mlp"
    """The default is what Grosse et al. and the Llama example of Kronfluence track."""
    tokens: Annotated[int, Field(gt=0)] | None = None
    """At most so many tokens, of rows drawn by hash; None: all rows of the pool."""
    seed: int = 0
    """Settles the labels that are drawn, and the rows when there is a budget of tokens."""
    gigabytes: Annotated[float, Field(gt=0)] = 8.0
    """Memory for factors. Less memory means more passes over the data, not other numbers."""


class NewtonConfig(Part):
    """How long to refine, and on how many rows."""

    iterations: Annotated[int, Field(ge=1)] = 10
    rows: Annotated[int, Field(ge=1)] = 256
    """Rows of the pool, drawn by hash, that the Gauss–Newton matrix is averaged over."""
    tolerance: Annotated[float, Field(gt=0)] = 1e-3
    """Stop when the residual is this share of the right-hand side."""


class InfluenceConfig(FactorConfig):
    """How influence is measured; the defaults are those of the methods' authors where they are known."""

    damping: Annotated[float, Field(gt=0)] = DAMPING
    """Times the mean eigenvalue of each layer."""
    refine: NewtonConfig | None = None
    """Conjugate gradients on the Gauss–Newton matrix after preconditioning."""
    parts: Annotated[int, Field(ge=1)] | Literal["queries"] = 8
    """Parts of each group, for ranks and the bootstrap; `queries`: every query is a part, ranks are exact."""
    route: Route = "auto"
    batch_tokens: Annotated[int, Field(gt=0)] | None = None
    max_length: Annotated[int, Field(gt=0)] | None = None
    form: Form = "auto"


class QueryConfig(Part):
    """Which questions are queries, and which text stands for them."""

    questions: Literal["flips", "outcomes"] = "flips"
    """`flips`: answers that fine-tuning changed (the paper); `outcomes`: all right and all wrong ones."""
    text: Literal["completion", "solution"] = "completion"
    """The fine-tuned model's own answer (the paper), or the gold solution of the question, which makes all
    of them `correct` queries: it is to become likelier whatever the model said."""
    rollouts: Annotated[int, Field(gt=0)] | None = None
    """At most so many of a question's sampled answers; None: all that are right (wrong) for `correct`
    (`incorrect`). A question's answers share its weight."""


class GateConfig(Part):
    """How much is spent on finding out whether the scores mean something."""

    pairs: Annotated[int, Field(ge=0)] = 12
    """Pairs of a row that should help and one that should not, for the tail-patch; 0: none."""
    subsets: Annotated[int, Field(ge=0)] = 0
    """Retrainings for the group-LDS; 0: none."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the pool in each retraining."""
