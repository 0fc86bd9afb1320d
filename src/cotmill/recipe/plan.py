"""From a recipe to steps: every cell becomes a chain of steps, and equal steps become one.

    data ─┬─► train (sampler) ─► sample ─► augment ─► select ─► train ─► evaluate (one per test)
          ├─► train (proxy) ─► measure ─────────────────┘         └──► probe  ▲
          └─► measure                                             test ───────┘

Influence is measured between the proxy and the selection: evaluate (before, after) ─► queries ─► measure.

A selection may stand before the augmenting instead (`select: {before_augment: true}`): data ─► select ─►
prune, and everything after reads the pool of the rows that are left.

A stage that is added later is a method of `_Chain` that takes the pool's step and gives back another, and a
kind in `recipe.steps`. A cell without `sample` and `augment` selects from the data itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import BaseModel

from cotmill.augment.config import RftConfig
from cotmill.core.runs import StepRecord
from cotmill.evidence import (
    Embeddings,
    Influence,
    Lengths,
    Losses,
    PassRates,
    Readings,
    Scores,
    Trajectories,
)
from cotmill.evidence.parts import checked
from cotmill.recipe.estimate import (
    INFLUENCE_PASSES,
    PROBE_PASSES,
    Estimate,
    of_augmenting,
    of_evaluation,
    of_measuring,
    of_sampling,
    of_source,
    of_test,
    of_training,
)
from cotmill.recipe.graph import Step
from cotmill.recipe.identity import Identity, identity_of_benchmark, identity_of_file, identity_of_model
from cotmill.recipe.load import Cell, LoadedRecipe
from cotmill.recipe.schema import Evaluate, Proxy, Sample, Seed, Select, Train
from cotmill.recipe.sources import Source, TestSource
from cotmill.recipe.steps import KINDS
from cotmill.select import SELECTORS
from cotmill.select.budget import Budget, Unit

FORWARD = (Readings.kind, Embeddings.kind)
"""Kinds of evidence that one forward pass leaves together."""
UNCOUNTED = (None, Embeddings, PassRates, Scores)
"""Kinds that know no lengths, which budgets in tokens need."""


@dataclass(frozen=True)
class PlannedCell:
    """A cell and the steps that it needs, by their role in it."""

    cell: Cell
    steps: Mapping[str, str]
    """`data`, `select`, `train`, … and `evaluate.<test>`, each to the name of a step."""


@dataclass
class Plan:
    """All cells of a recipe and all their steps."""

    cells: list[PlannedCell] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)

    def add(self, step: Step) -> Step:
        """Keep a step unless an equal one is there; return the one that is kept."""
        return self.steps.setdefault(step.name, step)


def plan_recipe(loaded: LoadedRecipe) -> Plan:
    """Lay out the steps of all cells.

    Raises:
        RecipeError: a file or model that the recipe names is not there.
    """
    plan = Plan()
    parts = parts_of(loaded.cells)
    for cell in loaded.cells:
        chain = _Chain(plan, loaded, cell, parts)
        plan.cells.append(PlannedCell(cell, chain.lay_out()))
    return plan


def parts_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Name what any cell wants of a forward pass, so that one pass serves them all."""
    chosen = [cell.pipeline.select for cell in cells if cell.pipeline.select is not None]
    methods = [SELECTORS[select.method].model_validate(select.options) for select in chosen]
    wanted = {part for method in methods for part in (*method.parts, *(["mean"] if method.embedded else []))}
    return checked(wanted) if wanted else ()


@dataclass(frozen=True)
class _Chain:
    """Lays out the steps of one cell."""

    plan: Plan
    loaded: LoadedRecipe
    cell: Cell
    parts: tuple[str, ...] = ()
    """What some cell of the recipe wants of a forward pass."""

    def lay_out(self) -> dict[str, str]:
        """Plan all stages, and name their steps."""
        pipeline = self.cell.pipeline
        roles = {"data": self.data(pipeline.data.train)}
        pool = roles["data"]
        first = self._selects_first()
        if pipeline.select is not None and first:
            roles |= self.selected(pipeline.select, pool)
            pool = roles["prune"] = self.pruned(pool, roles["select"])
        if pipeline.sample is not None:
            roles |= self.sampled(pipeline.sample, pool)
        if pipeline.augment is not None:
            roles |= self.augmented(pipeline.augment, pool, roles)
            pool = roles["augment"]
        if pipeline.select is not None and not first:
            roles |= self.selected(pipeline.select, pool)
        model = identity_of_model(pipeline.model, self.loaded.find)
        if pipeline.train is not None:
            chosen = None if first else roles.get("select")
            roles["train"] = self.trained(pipeline.train, model, pool, chosen)
        if pipeline.evaluate is not None:
            for name, source in pipeline.evaluate.tests.items():
                test = self.test(name, source)
                roles[f"test.{name}"] = test
                roles[f"evaluate.{name}"] = self.evaluated(pipeline.evaluate, model, roles.get("train"), test)
        if pipeline.probe is not None:
            roles["probe"] = self.probed(model, roles.get("train"), self.test("probe", pipeline.probe))
        return {role: step.name for role, step in roles.items()}

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

    def sampled(self, sample: Sample, data: Step) -> dict[str, Step]:
        """Plan the fine-tuning of every model that is sampled from, and the sampling."""
        roles: dict[str, Step] = {}
        names = [name or self.cell.pipeline.model for name in sample.models]
        for name in names:
            model = identity_of_model(name, self.loaded.find)
            inputs = {"pool": data}
            tag = f".{name}" if len(names) > 1 else ""
            training = sample.train or self.cell.pipeline.train
            if sample.tuned and training is not None:
                roles[f"sampler{tag}"] = inputs["model"] = self._training(
                    training, sample.seed, model, inputs
                )
                model = Identity({})
            config = {
                "settings": plain(sample.settings(self._seed(sample.seed))),
                "allocation": plain(sample.allocated()), "max_new_tokens": sample.max_new_tokens,
                "questions": sample.questions,
            }  # fmt: skip
            rows = min(self._rows(data), sample.questions or self._rows(data))
            cost = of_sampling(name, rows, data.row_bytes, sample.k, sample.max_new_tokens)
            roles[f"sample{tag}"] = self._step("sample", config | _model(model), inputs, model, cost)
        return roles

    def augmented(self, augment: RftConfig, data: Step, roles: Mapping[str, Step]) -> dict[str, Step]:
        """Plan the choice of paths, and in the lab the count of what is unsound among them."""
        stores = {role: step for role, step in roles.items() if role.partition(".")[0] == "sample"}
        inputs = {"pool": data, **stores}
        config = {"rft": plain(augment.resolved())}
        most = self.cell.pipeline.sample.k if self.cell.pipeline.sample else 1
        samples = sum(step.rows for step in stores.values()) * min(1.0, (augment.k or most) / most)
        cost = of_augmenting(data.rows, data.row_bytes, samples)
        done = self._step("augment", config, inputs, Identity({}), cost)
        found = {"augment": done}
        if "lab" in roles["data"].record.config:
            found["audit"] = self._step("audit", {}, {**inputs, "augment": done}, Identity({}), cost)
        return found

    def _selects_first(self) -> bool:
        """Say whether rows are chosen before they are augmented; without augmenting there is no before."""
        select = self.cell.pipeline.select
        return select is not None and select.before_augment and self.cell.pipeline.augment is not None

    def pruned(self, data: Step, selection: Step) -> Step:
        """Plan the pool of the rows that were chosen, for stages that read a pool."""
        rows = round(self._rows(data) * self._share())
        cost = Estimate(rows, seconds=1.0, row_bytes=data.row_bytes)
        return self._step("prune", {}, {"pool": data, "selection": selection}, Identity({}), cost)

    def selected(self, select: Select, data: Step) -> dict[str, Step]:
        """Plan what a method needs to be measured, and the selection."""
        method = SELECTORS[select.method].model_validate(select.options)
        needs, inputs, roles = method.needs, {"pool": data}, {}
        proxy = self.cell.pipeline.proxy
        if needs is not None:
            roles = self.measured(needs.kind, proxy, data)
            inputs["evidence"] = roles["measure"]
        if needs in UNCOUNTED and Budget.parse(select.budget).unit is Unit.TOKENS:
            inputs["lengths"] = self.measured(Lengths.kind, proxy, data)["measure"]
            roles = roles or {"measure": inputs["lengths"]}
        if method.embedded:
            inputs["embeddings"] = self.measured(Embeddings.kind, proxy, data)["measure"]
        if method.asks is not None and select.queries is not None:
            inputs["queries"] = self.test("queries", select.queries)
            if method.asks is Embeddings:
                found = self.measured(Embeddings.kind, proxy, data, of=inputs["queries"])
                inputs["queries"] = found["measure"]
        config = {"method": select.method, "budget": select.budget, "options": select.options}
        config["seed"] = self._seed(select.seed)
        if select.limits is not None:
            config["limits"] = plain(select.limits)
        done = self._step("select", config, inputs, Identity({}), Estimate(self._rows(data), seconds=1.0))
        return {**roles, "select": done}

    def measured(self, kind: str, proxy: Proxy, data: Step, *, of: Step | None = None) -> dict[str, Step]:
        """Plan a measurement of the pool (or of other rows), and the training of the proxy it may need.

        All that a forward pass can tell is measured in one step, for all arms of the recipe.
        """
        if kind == Influence.kind:
            return self.influenced(proxy, data)
        if kind in FORWARD or (kind == Losses.kind and self.parts):
            kind = "forward"
        model = identity_of_model(proxy.model or self.cell.pipeline.model, self.loaded.find)
        training = proxy.train if kind != Lengths.kind else None
        if kind == Trajectories.kind and training is None:
            training = self.cell.pipeline.train
        config: dict[str, Any] = {"kind": kind, "max_length": proxy.max_length}
        roles, inputs = {}, {"pool": data}
        if training is not None:
            # The same checkpoints for every kind, so that all measurements share one training.
            told = {"points": proxy.checkpoints, "record": proxy.record}
            roles["proxy"] = self._training(training, proxy.seed, model, inputs, **told)
            inputs["model"] = roles["proxy"]
            if kind == Trajectories.kind and proxy.record != "snapshots":
                return {**roles, "measure": roles["proxy"]}
            model = Identity({})
        if kind == "forward":
            config["parts"] = list(self.parts)
        if kind == PassRates.kind:
            config |= {"samples": proxy.samples, "max_new_tokens": proxy.max_new_tokens}
            config["seed"] = self._seed(proxy.seed)
        data = inputs["pool"] = of or data
        passes = {Trajectories.kind: proxy.checkpoints, Lengths.kind: 0, PassRates.kind: 2 * proxy.samples}
        cost = of_measuring(self._proxy_name(proxy), self._rows(data), data.row_bytes, passes.get(kind, 1))
        return {**roles, "measure": self._step("measure", config | _model(model), inputs, model, cost)}

    def influenced(self, proxy: Proxy, data: Step) -> dict[str, Step]:
        """Plan the fine-tuned proxy, the answers before and after, the queries, and the influence."""
        training = proxy.train or self.cell.pipeline.train
        assert training is not None
        assert proxy.validation is not None
        base = identity_of_model(proxy.model or self.cell.pipeline.model, self.loaded.find)
        tuned = self._training(training, proxy.seed, base, {"pool": data}, points=proxy.checkpoints)
        asked = self.test("validation", proxy.validation)
        tests = self.cell.pipeline.evaluate
        answers = Evaluate(tests={}) if tests is None else tests
        if proxy.answers is not None:
            answers = Evaluate(**proxy.answers.model_dump(), tests={})
        before = self.evaluated(answers, base, None, asked)
        after = self.evaluated(answers, base, tuned, asked)
        inputs = {"validation": asked, "before": before, "after": after}
        named = {} if tests is None else tests.tests
        inputs |= {f"test.{name}": self.test(name, source) for name, source in named.items()}
        queries = self._step("queries", plain(proxy.queries), inputs, Identity({}), Estimate(asked.rows))
        config = {"kind": Influence.kind, "max_length": proxy.max_length}
        config |= {"influence": plain(proxy.influence), "gate": plain(proxy.gate)}
        if proxy.gate.subsets:
            config |= {"retrain": plain(training, leave_out={"seed"})} | _model(base)
        inputs = {"pool": data, "model": tuned, "queries": queries}
        own = base if proxy.gate.subsets else Identity({})
        cost = self._cost_of_influence(proxy, plain(training), data)
        measure = self._step("measure", config, inputs, own, cost)
        return {"proxy": tuned, "queries": queries, "measure": measure}

    def _cost_of_influence(self, proxy: Proxy, training: Mapping[str, Any], data: Step) -> Estimate:
        """Estimate the measurement, and the retrainings of its gate, which are three passes each."""
        name, rows = self._proxy_name(proxy), self._rows(data)
        once = of_measuring(name, rows, data.row_bytes, INFLUENCE_PASSES)
        again = of_training(name, training, rows * proxy.gate.share, data.row_bytes)
        times = proxy.gate.subsets
        tokens, seconds = once.tokens + 3 * times * again.tokens, once.seconds + times * again.seconds
        return Estimate(rows, tokens, seconds, once.row_bytes)

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
        config = {"train": told, "checkpoints": points, "seed": self._seed(seed)} | _model(model)
        if points and record != "snapshots":
            config["record"] = record
        rows = self._rows(inputs["pool"]) * (self._share() if "selection" in inputs else 1.0)
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
        return self._step("evaluate", config | _model(own), inputs, own, cost)

    def probed(self, model: Identity, trained: Step | None, rows: Step) -> Step:
        """Plan altering the numbers of some rows, to see what the trained model, or the base, relies on."""
        inputs = {"rows": rows} | ({"model": trained} if trained else {})
        own = Identity({}) if trained else model
        cost = of_measuring(self.cell.pipeline.model, rows.rows, rows.row_bytes, PROBE_PASSES)
        return self._step("probe", {"seed": 0} | _model(own), inputs, own, cost)

    def _step(
        self, kind: str, config: dict[str, Any], inputs: Mapping[str, Step], found: Identity, cost: Estimate
    ) -> Step:
        """Add one step to the plan."""
        names = {role: step.name for role, step in inputs.items()}
        record = StepRecord(kind, KINDS[kind].version, config, names)
        step = Step(record, self.cell.label, found.places, **asdict(cost))
        return self.plan.add(step)

    def _seed(self, seed: Seed) -> int:
        """Resolve a seed that may be the cell's own."""
        return self.cell.seed if seed == "each" else int(seed)

    def _rows(self, step: Step) -> int:
        """Say how many rows a data step has, roughly."""
        return step.rows

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


def _model(found: Identity) -> dict[str, Any]:
    """Put a model's identity into a config, unless the model is an input."""
    return {"model": found.config} if found.config else {}
