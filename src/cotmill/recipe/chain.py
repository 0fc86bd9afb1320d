"""The chain of one cell: which stages it has, in which order, and what each of them needs first.

A stage that is added later is a method of `Chain` that takes the pool's step and gives back another, and a
kind in `recipe.steps`. A cell without `sample` and `augment` selects from the data itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotmill.augment.config import RftConfig
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
from cotmill.recipe.estimate import (
    INFLUENCE_PASSES,
    Estimate,
    of_augmenting,
    of_measuring,
    of_sampling,
    of_training,
)
from cotmill.recipe.graph import Step
from cotmill.recipe.identity import Identity, identity_of_model
from cotmill.recipe.schema import Evaluate, Proxy, Sample, Select
from cotmill.recipe.stages import Stages, identified, plain
from cotmill.select import SELECTORS
from cotmill.select.budget import Budget, Unit

FORWARD = (Readings.kind, Embeddings.kind)
"""Kinds of evidence that one forward pass leaves together."""
UNCOUNTED = (None, Embeddings, PassRates, Scores)
"""Kinds that know no lengths, which budgets in tokens need."""


class Chain(Stages):
    """Lays out the steps of one cell."""

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
            rows = min(data.rows, sample.questions or data.rows)
            cost = of_sampling(name, rows, data.row_bytes, sample.k, sample.max_new_tokens)
            roles[f"sample{tag}"] = self._step("sample", config | identified(model), inputs, model, cost)
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
        rows = round(data.rows * self._share())
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
        done = self._step("select", config, inputs, Identity({}), Estimate(data.rows, seconds=1.0))
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
        cost = of_measuring(self._proxy_name(proxy), data.rows, data.row_bytes, passes.get(kind, 1))
        return {**roles, "measure": self._step("measure", config | identified(model), inputs, model, cost)}

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
            config |= {"retrain": plain(training, leave_out={"seed"})} | identified(base)
        inputs = {"pool": data, "model": tuned, "queries": queries}
        own = base if proxy.gate.subsets else Identity({})
        cost = self._cost_of_influence(proxy, plain(training), data)
        measure = self._step("measure", config, inputs, own, cost)
        return {"proxy": tuned, "queries": queries, "measure": measure}

    def _cost_of_influence(self, proxy: Proxy, training: Mapping[str, Any], data: Step) -> Estimate:
        """Estimate the measurement, and the retrainings of its gate, which are three passes each."""
        name, rows = self._proxy_name(proxy), data.rows
        once = of_measuring(name, rows, data.row_bytes, INFLUENCE_PASSES)
        again = of_training(name, training, rows * proxy.gate.share, data.row_bytes)
        times = proxy.gate.subsets
        tokens, seconds = once.tokens + 3 * times * again.tokens, once.seconds + times * again.seconds
        return Estimate(rows, tokens, seconds, once.row_bytes)
