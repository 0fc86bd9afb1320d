"""The steps that most stages are made of: a pool, a test, a training, an evaluation, a probe.

Each method plans one step of a cell and gives back the step that is kept, which is an earlier cell's where
that is equal. Settings are written out with their defaults, so a changed default is a changed step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from cotmill.core.runs import StepRecord
from cotmill.recipe.estimate import (
    PROBE_PASSES,
    Estimate,
    of_evaluation,
    of_measuring,
    of_source,
    of_test,
    of_training,
)
from cotmill.recipe.graph import Step
from cotmill.recipe.identity import Identity, identity_of_benchmark, identity_of_file
from cotmill.recipe.load import Cell, LoadedRecipe
from cotmill.recipe.schema import Evaluate, Proxy, Seed, Train
from cotmill.recipe.sources import Source, TestSource
from cotmill.recipe.steps import KINDS
from cotmill.select.budget import Budget, Unit


@dataclass(frozen=True)
class Stages:
    """Plans single steps of one cell."""

    add: Callable[[Step], Step]
    """Keeps a step in the plan unless an equal one is there, and returns the one that is kept."""
    loaded: LoadedRecipe
    cell: Cell
    parts: tuple[str, ...] = ()
    """What some cell of the recipe wants of a forward pass."""

    def data(self, source: Source) -> Step:
        """Plan the pool."""
        if source.lab is not None:
            asked = self.cell.pipeline.data.seed
            seed = source.lab.seed + (self.cell.seed if asked == "each" else asked)
            found = Identity({"lab": {**_told(source.lab, set(), "sound_only"), "seed": seed}})
        elif source.clinical is not None:
            asked = self.cell.pipeline.data.seed
            seed = source.clinical.seed + (self.cell.seed if asked == "each" else asked)
            found = Identity({"clinical": {"rows": source.clinical.rows, "seed": seed}})
        else:
            assert source.file is not None
            found = identity_of_file(source.file, self.loaded.find)
        config = found.config | _told(source, {"lab", "clinical", "file"}, "hold_aside")
        return self._step("data", config, {}, found, of_source(source, found))

    def test(self, name: str, source: TestSource) -> Step:
        """Plan the questions of a test."""
        if source.lab is not None:
            found = Identity({"lab": plain(source.lab)})
        elif source.clinical is not None:
            found = Identity({"clinical": plain(source.clinical)})
        elif source.benchmark is not None:
            found = identity_of_benchmark(source.benchmark)
        else:
            assert source.file is not None
            found = identity_of_file(source.file, self.loaded.find)
        left_out = {"lab", "clinical", "file", "benchmark", *(["metric"] if source.metric is None else [])}
        config = found.config | _told(source, left_out, "held_aside") | {"name": name}
        made = source.lab or source.clinical
        rows = made.rows if made else source.rows or source.held_aside or 1000
        return self._step("test", config, {}, found, of_test(rows, lab=made is not None))

    def trained(self, train: Train, model: Identity, data: Step, selection: Step | None) -> Step:
        """Plan the fine-tuning."""
        inputs = {"pool": data} | ({"selection": selection} if selection else {})
        return self._training(train, train.seed, model, inputs)

    def _training(
        self,
        train: BaseModel,
        seed: Seed,
        model: Identity,
        inputs: Mapping[str, Step],
        *,
        points: int = 0,
        record: str = "snapshots",
    ) -> Step:
        """Plan a fine-tuning of the target or of the proxy; equal ones are one step.

        `points` is how many evenly spaced checkpoints are kept for a loss trajectory, `record` how.
        """
        told = plain(train, leave_out={"seed"})
        config = {"train": told, "checkpoints": points, "seed": self._seed(seed)} | identified(model)
        if points and record != "snapshots":
            config["record"] = record
        rows = inputs["pool"].rows * (self._share() if "selection" in inputs else 1.0)
        cost = of_training(
            model.places.get("model", str(model.config["name"])), told, rows, inputs["pool"].row_bytes
        )
        return self._step("train", config, inputs, model, cost)

    def evaluated(self, evaluate: Evaluate, model: Identity, trained: Step | None, test: Step) -> Step:
        """Plan asking the trained model, or the base when nothing was trained, the questions of a test."""
        inputs = {"test": test} | ({"model": trained} if trained else {})
        config: dict[str, Any] = {"evaluate": plain(evaluate, leave_out={"tests", "seed"})}
        config["seed"] = self._seed(evaluate.seed)
        own = Identity({}) if trained else model
        cost = of_evaluation(self.cell.pipeline.model, test.rows, test.row_bytes, config["evaluate"])
        return self._step("evaluate", config | identified(own), inputs, own, cost)

    def probed(self, model: Identity, trained: Step | None, rows: Step) -> Step:
        """Plan altering the numbers of some rows, to see what the trained model, or the base, relies on."""
        inputs = {"rows": rows} | ({"model": trained} if trained else {})
        own = Identity({}) if trained else model
        cost = of_measuring(self.cell.pipeline.model, rows.rows, rows.row_bytes, PROBE_PASSES)
        return self._step("probe", {"seed": 0} | identified(own), inputs, own, cost)

    def _step(
        self, kind: str, config: dict[str, Any], inputs: Mapping[str, Step], found: Identity, cost: Estimate
    ) -> Step:
        """Add one step to the plan."""
        names = {role: step.name for role, step in inputs.items()}
        record = StepRecord(kind, KINDS[kind].version, config, names)
        step = Step(record, self.cell.label, found.places, **asdict(cost))
        return self.add(step)

    def _seed(self, seed: Seed) -> int:
        """Resolve a seed that may be the cell's own."""
        return self.cell.seed if seed == "each" else int(seed)

    def _share(self) -> float:
        """Say what share of the pool is trained on, roughly."""
        select = self.cell.pipeline.select
        if select is None:
            return 1.0
        budget = Budget.parse(select.budget)
        return float(budget.amount) / 100 if budget.unit is Unit.PERCENT else 1.0

    def _proxy_name(self, proxy: Proxy) -> str:
        return proxy.model or self.cell.pipeline.model


def plain(model: BaseModel, leave_out: set[str] | None = None) -> dict[str, Any]:
    """Give the settings as JSON data, defaults included: a changed default is a changed step."""
    return model.model_dump(mode="json", exclude=leave_out)


def _told(source: BaseModel, leave_out: set[str], optional: str) -> dict[str, Any]:
    """Give a source's settings; one that came later is left out where it is not used, so old steps stay."""
    told = plain(source, leave_out=leave_out)
    return told if told[optional] is not None else {k: v for k, v in told.items() if k != optional}


def identified(found: Identity) -> dict[str, Any]:
    """Put a model's identity into a config, unless the model is an input."""
    return {"model": found.config} if found.config else {}
