"""Tokens, FLOPs, hours and disk of a cell: forecast from the plan, and measured afterwards.

FLOPs are those of the arithmetic of transformers (Kaplan et al. 2020, arXiv 2001.08361, section 2.1): 6 a
parameter and token to train, 2 to read or write; attention over the context and the vocabulary's table come
on top and are left out. A forecast uses the tokens of `recipe.estimate`; afterwards the tokens that were
really trained on, sampled and read are counted. A step that several cells share counts in full for each of
them (`own`), and once in all (`shared`: its cost divided among them), so that the shared costs add up to
what the study took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cotmill.core.errors import RecipeError
from cotmill.core.files import read_json
from cotmill.core.runs import STEP, TIMING, StepRecord
from cotmill.recipe.costs import READING, TRAINING, tokens_of
from cotmill.recipe.device import DEVICES as GPUS
from cotmill.recipe.device import TRAINING_SHARE
from cotmill.recipe.estimate import FLOPS, parameters_of
from cotmill.recipe.graph import Step
from cotmill.recipe.steps.places import MODEL

QUESTION_TOKENS = 40.0
"""Tokens of a question that is read before it is answered, where nothing says how many there were."""


@dataclass(frozen=True)
class Device:
    """A stated device: what it does at best with matrices, and what share of that jobs of this sort reach.

    Peaks and the share of training are those of `recipe.device`, which also knows memory and bandwidth; a
    CPU core's is measured. The share of writing is a round number; state your own share of training with
    `--utilisation`.
    """

    name: str
    flops: float
    trains: float = TRAINING_SHARE
    writes: float = 0.05
    """Share reached when text is generated, which waits for memory."""

    def hours(self, training: float, reading: float) -> float:
        """Time so many FLOPs of training, and of reading and writing."""
        return (training / self.trains + reading / self.writes) / self.flops / 3600


DEVICES = {"cpu-core": Device("cpu-core", FLOPS, 1.0, 1.0)} | {
    one.name: Device(one.name, 1e12 * one.teraflops) for one in GPUS.values()
}


def find_device(name: str, utilisation: float | None = None) -> Device:
    """Find a device by its name.

    Raises:
        RecipeError: it is not known.
    """
    if name not in DEVICES:
        raise RecipeError(f"no device is called {name!r}; there are {', '.join(DEVICES)}")
    device = DEVICES[name]
    return device if utilisation is None else Device(name, device.flops, utilisation, device.writes)


@dataclass(frozen=True)
class Cost:
    """What something took, or is thought to take."""

    training_tokens: float = 0.0
    other_tokens: float = 0.0
    """Read or written: sampled, measured, evaluated."""
    training_flops: float = 0.0
    other_flops: float = 0.0
    seconds: float = 0.0
    """Of one worker."""
    disk: float = 0.0
    """Bytes."""

    @property
    def tokens(self) -> float:
        """All tokens that passed through a model."""
        return self.training_tokens + self.other_tokens

    @property
    def flops(self) -> float:
        """All FLOPs."""
        return self.training_flops + self.other_flops

    def __add__(self, other: Cost) -> Cost:
        """Add two costs."""
        return Cost(*(a + b for a, b in zip(self._parts, other._parts, strict=True)))

    def __mul__(self, share: float) -> Cost:
        """Take a share of a cost."""
        return Cost(*(share * part for part in self._parts))

    @property
    def _parts(self) -> tuple[float, ...]:
        return astuple(self)


def cost_of_tokens(
    kind: str, tokens: float, parameters: float, *, seconds: float = 0.0, disk: float = 0.0
) -> Cost:
    """Count the FLOPs of a step's tokens."""
    if kind == "train":
        return Cost(tokens, 0.0, TRAINING * parameters * tokens, 0.0, seconds, disk)
    return Cost(0.0, tokens, 0.0, READING * parameters * tokens, seconds, disk)


def total(costs: Iterable[Cost]) -> Cost:
    """Add up costs."""
    whole = Cost()
    for cost in costs:
        whole = whole + cost
    return whole


def split_cells(cells: Iterable[Mapping[str, str]], cost: Callable[[str], Cost]) -> list[tuple[Cost, Cost]]:
    """Give each cell's own cost and its part of shared steps; a cell maps roles to steps.

    Steps that a cell needs without naming them (checkpoints before a measurement) are named by roles of
    their own.
    """
    listed = [list(dict.fromkeys(steps.values())) for steps in cells]
    users: dict[str, int] = {}
    for names in listed:
        for name in names:
            users[name] = users.get(name, 0) + 1
    return [
        (total(cost(name) for name in names), total(cost(name) * (1 / users[name]) for name in names))
        for names in listed
    ]


@dataclass
class Costs:
    """What the finished steps of a Run took."""

    folder: Path
    known: dict[str, Cost] = field(default_factory=dict)

    def of(self, name: str) -> Cost:
        """Count a finished step; one that is not there costs nothing."""
        if name not in self.known:
            place = self.folder / "steps" / name
            self.known[name] = self._measured(place) if (place / STEP).is_file() else Cost()
        return self.known[name]

    def _measured(self, place: Path) -> Cost:
        record = read_json(place / STEP)
        timing = read_json(place / TIMING) if (place / TIMING).is_file() else {}
        disk = sum(one["bytes"] for one in record["files"].values())
        told = {"seconds": float(timing.get("cpu_seconds", timing.get("seconds", 0.0))), "disk": float(disk)}
        kind = str(record["kind"])
        tokens = _tokens(record, place)
        return cost_of_tokens(kind, tokens, self._parameters(record, place) if tokens else 0.0, **told)

    def _parameters(self, record: Mapping[str, Any], place: Path) -> float:
        """Find the size of the model that a step used: its own, a named one, or another step's."""
        if (place / MODEL / "config.json").is_file():
            return parameters_of(str(place / MODEL))
        named = (record["config"].get("model") or {}).get("name")
        if named:
            return parameters_of(str(named))
        trained = record["inputs"].get("model")
        before = self.folder / "steps" / str(trained)
        found = trained and (before / STEP).is_file()
        return self._parameters(read_json(before / STEP), before) if found else 0.0

    @cached_property
    def before(self) -> dict[str, tuple[str, ...]]:
        """Map every finished step to those that it read."""
        places = (self.folder / "steps").glob(f"*/{STEP}")
        return {path.parent.name: tuple(read_json(path)["inputs"].values()) for path in places}

    def needed(self, steps: Mapping[str, str]) -> dict[str, str]:
        """Add to a cell's steps those that they were made from."""
        waiting, found = list(dict.fromkeys(steps.values())), dict(steps)
        seen = set(waiting)
        while waiting:
            for name in self.before.get(waiting.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
                    found[f"before {name}"] = name
        return found


def _tokens(record: Mapping[str, Any], place: Path) -> float:
    """Count the tokens that a finished step put through a model; those of measurements are not on record."""
    if record["kind"] == "evaluate":
        told = read_json(place / "metrics.json")
        return float(told.get("items", 0)) * (float(told.get("mean_tokens") or 0.0) + QUESTION_TOKENS)
    made = StepRecord(str(record["kind"]), int(record["version"]), record["config"], record["inputs"])
    return tokens_of(Step(made, place.name), place)[0]


def cell_facts(costs: Costs, steps: Mapping[str, str]) -> dict[str, float]:
    """Say what a cell took without its evaluation: what somebody pays who wants the model."""
    own = {
        role: name
        for role, name in steps.items()
        if role.partition(".")[0] not in ("evaluate", "test", "audit", "probe")
    }
    whole = total(costs.of(name) for name in dict.fromkeys(costs.needed(own).values()))
    return {
        "training_flops": whole.training_flops, "other_flops": whole.other_flops, "tokens": whole.tokens,
        "flops": whole.flops, "seconds": whole.seconds, "disk": whole.disk,
    }  # fmt: skip
