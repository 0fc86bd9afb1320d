"""The shape of a selector, and what it leaves: a Selection that says why every row was taken or left.

A selector is what we believe (an Evidence, a column, nothing) times how we draw (`select.pick`). Its
module states only that; checking the evidence, cutting at the budget and writing the manifest are here,
once for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, final

from pydantic import BaseModel, ConfigDict

from cotmill import __version__
from cotmill.core.errors import EvidenceError, RecipeError
from cotmill.core.ids import order_keys
from cotmill.data.pool import Pool
from cotmill.evidence import Embeddings, Evidence, Lengths
from cotmill.select.budget import Budget, Unit
from cotmill.select.drawing import Drawing
from cotmill.select.limits import DUPLICATE, Limits
from cotmill.select.pick import Keys
from cotmill.select.selection import Selection, cut, key_of
from cotmill.select.update import keep_taken, refuse_less


class Selector(Protocol):
    """Anything that turns a pool, evidence, a budget and a seed into a Selection."""

    needs: ClassVar[type[Evidence] | None]
    """What the recipe must measure first; None when the pool itself is enough."""

    def __call__(
        self,
        pool: Pool,
        evidence: Evidence | None = None,
        *,
        budget: Budget | str | int,
        seed: int,
        lengths: Lengths | None = None,
    ) -> Selection:
        """Select; `lengths` are needed for budgets in tokens unless the evidence carries token counts."""
        ...


@dataclass(frozen=True, eq=False)
class Extras:
    """What a choice may hang on beside its evidence, where a method or the user asks for it."""

    queries: Embeddings | Pool | None = None
    """Examples of what the model is to be good at, as `Method.asks` wants them."""
    embeddings: Embeddings | None = None
    """Vectors of the rows, for options that combine them with other evidence."""
    limits: Limits | None = None
    """Minima and quotas of strata, and near-duplicates that count once."""
    old: Selection | None = None
    """An earlier selection of this method: what it took stays, and its groups are kept."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a method draws from: the pool, evidence in its order, hashes of (seed, row id), and the seed."""

    pool: Pool
    evidence: Any
    keys: Keys
    seed: int
    most: int = 0
    """At most so many rows will be taken; what comes later in an order need not be searched for."""
    extras: Extras = Extras()


class Method(BaseModel, ABC):
    """Base of the built-in selectors: options are its fields, `draw` is the method."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    needs: ClassVar[type[Evidence] | None] = None
    parts: ClassVar[tuple[str, ...]] = ()
    """What of a forward pass it reads (`measure forward --part`)."""
    asks: ClassVar[type[Embeddings] | type[Pool] | None] = None
    """What it wants its queries as; None when it has none."""

    @property
    def embedded(self) -> bool:
        """Whether its options want embeddings beside the evidence."""
        return False

    def sources(self) -> dict[str, str]:
        """Keys of other things that the choice is a function of, by role."""
        return {}

    @abstractmethod
    def draw(self, rows: Candidates) -> Drawing:
        """Order the rows."""

    @final
    def __call__(
        self,
        pool: Pool,
        evidence: Evidence | None = None,
        *,
        budget: Budget | str | int,
        seed: int,
        lengths: Lengths | None = None,
        extras: Extras | None = None,
    ) -> Selection:
        """Select from the pool.

        Raises:
            RecipeError: the budget cannot be met.
            EvidenceError: evidence is missing, of another kind, or of other rows.
        """
        budget = Budget.parse(budget)
        if not len(pool):
            raise RecipeError("the pool has no rows to select from")
        evidence = self._fitting(pool, evidence, lengths)
        lengths = lengths_of(pool, evidence, lengths)
        extras = self._extras(pool, evidence, extras or Extras())
        facts = self._facts(pool, evidence, budget, seed, lengths, extras)
        keys = order_keys(seed, pool.column("row_id"))
        drawing = self._drawing(
            Candidates(pool, evidence, keys, seed, self._most(pool, budget, extras), extras)
        )
        if extras.old is not None:
            drawing = keep_taken(drawing, pool, extras.old)
        tokens = None if lengths is None else lengths.tokens
        return cut(pool, drawing, budget, tokens=tokens, facts=facts, limits=extras.limits)

    def _most(self, pool: Pool, budget: Budget, extras: Extras) -> int:
        """Say how much of an order will be looked at, so that methods need not search for the rest."""
        count = None if budget.unit is Unit.TOKENS else budget.rows_of(len(pool))
        if extras.old is not None:
            if extras.old.method != self.name or extras.old.facts["options"] != self.model_dump(mode="json"):
                raise RecipeError(
                    f"the selection that is updated was made by {extras.old.method} with options "
                    f"{extras.old.facts['options']}; update it with the same"
                )
            refuse_less(extras.old, pool, count)
        # Kept rows and quotas may push rows down in the order.
        free = count is not None and extras.old is None and not (extras.limits and extras.limits.most)
        return count if free and count is not None else len(pool)

    def _drawing(self, rows: Candidates) -> Drawing:
        """Draw; where near-duplicates count once, from those that stand for themselves."""
        limits = rows.extras.limits
        kept = None if limits is None else limits.representatives(rows.pool)
        if kept is None or len(kept) == len(rows.pool):
            return self.draw(rows)
        pool = rows.pool.take(rows.pool.ids[kept])
        vectors = rows.extras.embeddings
        fewer = replace(
            rows,
            pool=pool,
            evidence=None if rows.evidence is None else rows.evidence.at(kept),
            keys=rows.keys[kept],
            most=min(rows.most, len(kept)),
            extras=replace(rows.extras, embeddings=None if vectors is None else vectors.at(kept)),
        )
        return self.draw(fewer).among(kept, len(rows.pool), DUPLICATE)

    def key(
        self,
        pool: Pool,
        evidence: Evidence | None = None,
        *,
        budget: Budget | str | int,
        seed: int,
        lengths: Lengths | None = None,
        extras: Extras | None = None,
    ) -> str:
        """The key of the Selection that a call with the same arguments makes, without making it."""
        evidence = self._fitting(pool, evidence, lengths)
        extras = self._extras(pool, evidence, extras or Extras())
        lengths = lengths_of(pool, evidence, lengths)
        return key_of(self._facts(pool, evidence, Budget.parse(budget), seed, lengths, extras))

    def _extras(self, pool: Pool, evidence: Evidence | None, extras: Extras) -> Extras:
        """Check that queries and embeddings are there where they are wanted; leave out what is not."""
        queries = extras.queries if self.asks else None
        if self.asks and not isinstance(queries, self.asks):
            what = "the embeddings of queries" if self.asks is Embeddings else "queries"
            raise EvidenceError(f"{self.name} needs {what}; give them with --queries")
        if isinstance(queries, Embeddings) and isinstance(evidence, Embeddings):
            same_space(evidence, queries)
        embeddings = extras.embeddings if self.embedded else None
        if self.embedded and embeddings is None:
            raise EvidenceError(
                f"{self.name} with these options needs embeddings beside its evidence; measure them "
                "(cotmill measure forward --part mean) and give the file with --evidence"
            )
        embeddings = None if embeddings is None else embeddings.of(pool)
        return replace(extras, queries=queries, embeddings=embeddings)

    def _fitting(self, pool: Pool, evidence: Evidence | None, lengths: Lengths | None) -> Evidence | None:
        """Align the evidence to the pool, or say what is missing."""
        if self.needs is None:
            return None
        if evidence is None and self.needs is Lengths:
            evidence = lengths
        if evidence is None:
            raise EvidenceError(
                f"{self.name} needs {self.needs.kind}; measure them, then pass them as evidence"
            )
        fitting = evidence.to(self.needs)
        if fitting is None:
            raise EvidenceError(f"{self.name} needs {self.needs.kind}, but was given {evidence.kind}")
        return fitting.of(pool)

    def _facts(
        self,
        pool: Pool,
        evidence: Evidence | None,
        budget: Budget,
        seed: int,
        lengths: Lengths | None,
        extras: Extras,
    ) -> dict[str, Any]:
        """Everything that the choice is a function of."""
        beside = {"queries": extras.queries, "embeddings": extras.embeddings}
        return {
            "version": __version__,
            "method": self.name,
            "options": self.model_dump(mode="json"),
            "budget": str(budget),
            "seed": seed,
            "pool_fingerprint": pool.fingerprint,
            "evidence": None if evidence is None else _traits(evidence),
            **self.sources(),
            **{role: _traits(each) for role, each in beside.items() if each is not None},
            **({"limits": extras.limits.model_dump(mode="json")} if extras.limits else {}),
            **({"update_of": extras.old.key} if extras.old else {}),
            "lengths": _traits(lengths) if lengths is not None and budget.unit is Unit.TOKENS else None,
        }


def same_space(rows: Embeddings, queries: Embeddings) -> None:
    """Refuse queries that were embedded otherwise than the rows.

    Raises:
        EvidenceError: they are of another model, pooling or width.
    """
    pooling = [each.about.get("pooling") for each in (rows, queries)]
    width = [each.vectors.shape[1] for each in (rows, queries)]
    models = [each.model_fingerprint for each in (rows, queries)]
    if pooling[0] != pooling[1] or width[0] != width[1] or models[0] != models[1]:
        raise EvidenceError(
            f"the queries were embedded otherwise than the rows (pooling {pooling[1]} for {pooling[0]}, "
            f"{width[1]} numbers for {width[0]}, models {models[1][:8]} and {models[0][:8]}); "
            "embed both alike"
        )


def _traits(evidence: Evidence | Pool) -> dict[str, str]:
    if isinstance(evidence, Pool):
        return {"kind": "pool", "fingerprint": evidence.fingerprint}
    return {
        "kind": evidence.kind,
        "model_fingerprint": evidence.model_fingerprint,
        "fingerprint": evidence.fingerprint,
    }


def lengths_of(pool: Pool, evidence: Evidence | None, lengths: Lengths | None) -> Lengths | None:
    """Find the lengths of the pool's rows: those given, else those that the (aligned) evidence carries."""
    if lengths is not None:
        return lengths.of(pool)
    carried = None if evidence is None else evidence.to(Lengths)
    return carried if isinstance(carried, Lengths) else None
