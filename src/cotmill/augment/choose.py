"""From the samples of one question to the traces that are kept: filters, keys, diversity.

Every sample gets a decision with a reason, so that what was left out can be looked at and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from cotmill.augment.collect import Question, Sampled
from cotmill.augment.config import RftConfig
from cotmill.augment.diversity import Candidate, first_of_each_key, greedy, spread
from cotmill.augment.filter import Filter, Finding
from cotmill.core.ids import content_id

UNREAD = "unread "
"""Key of a trace whose path cannot be read."""
CUT_OFF, FAILED = "length", "error"
KEPT = "kept"
REASONS = (
    KEPT, "failed", "cut off", "answer", "equations", "grounding",
    "path of a given solution", "path of a kept trace", "no equation to compare",
)  # fmt: skip
"""Everything that can become of a sample; the filters in the order in which they are asked."""
_GOLD_PATH, _KNOWN_PATH, _UNREADABLE = REASONS[-3:]


class Decision(NamedTuple):
    """What became of one sample."""

    sample: Mapping[str, Any]
    text: str
    finding: Finding | None
    """None for a sample that failed or was cut off."""
    path: str
    """Short name of its path; "" where it has none."""
    because: str
    """One of REASONS."""

    @property
    def accepted(self) -> bool:
        """Whether all filters that are on let it pass."""
        return self.because == KEPT or self.because in REASONS[-3:]

    @property
    def kept(self) -> bool:
        """Whether it becomes training data."""
        return self.because == KEPT


class Chosen(NamedTuple):
    """A question, what became of its samples, and the paths of its given solutions."""

    example_id: str
    question: Question
    decisions: list[Decision]
    gold_paths: frozenset[str]
    candidates: list[Candidate]
    """The accepted traces whose path is not that of a given solution."""


@lru_cache(65_536)
def path_name(key: str) -> str:
    """Shorten a key to a name; a path that cannot be read has none.

    >>> len(path_name("3+4=7")), path_name(UNREAD)
    (16, '')
    """
    return "" if key.startswith(UNREAD) else content_id("path", key)[:16]


def usable(sample: Mapping[str, Any], config: RftConfig) -> bool:
    """Whether a sample is looked at: not a failed or empty one; a cut-off one only in mode `repo`."""
    if not sample["text"].strip():
        return False
    return sample["finish_reason"] != FAILED and (sample["finish_reason"] != CUT_OFF or not config.trim)


def choose(
    sampled: Sampled, findings: Mapping[str, Finding], texts: Mapping[str, str], judge: Filter
) -> Chosen:
    """Decide on every sample of a question; `findings` and `texts` are by sample id."""
    config = judge.config
    golds = {_own_key(judge.key(gold), gold, config) for gold in sampled.question.golds}
    keys: dict[str, str] = {}
    reasons: dict[str, str] = {}
    open_to = []
    for sample in sampled.samples:
        name = sample["sample_id"]
        found = findings.get(name)
        keys[name] = UNREAD if found is None else _own_key(found.key, texts[name], config)
        reasons[name] = _objection(sample, found, config) or _known(keys[name], golds, config)
        if not reasons[name]:
            open_to.append(Candidate(name, keys[name], texts[name]))
    writers = {sample["sample_id"]: sample["writer"] for sample in sampled.samples}
    kept = _kept(open_to, writers, sampled.question.golds, config)
    reasons.update((one.id, KEPT if one.id in kept else _KNOWN_PATH) for one in open_to)
    decisions = [
        Decision(sample, texts.get(name, ""), findings.get(name), path_name(keys[name]), reasons[name])
        for name, sample in zip(reasons, sampled.samples, strict=True)
    ]
    gold_paths = frozenset(map(path_name, golds)) - {""}
    return Chosen(sampled.example_id, sampled.question, decisions, gold_paths, open_to)


def _known(key: str, golds: set[str], config: RftConfig) -> str:
    """Why an accepted trace cannot be new; "" when it can."""
    if key.startswith(UNREAD) and config.without_equations == "none":
        return _UNREADABLE
    return _GOLD_PATH if config.distinct and config.gold_seen and key in golds else ""


def _own_key(key: str, text: str, config: RftConfig) -> str:
    """The key to compare by: for ours, an empty one is that of a path that cannot be read."""
    if key or config.mode != "cotmill":
        return key
    return UNREAD + (content_id(text) if config.without_equations == "all" else "")


def _objection(sample: Mapping[str, Any], found: Finding | None, config: RftConfig) -> str:
    """Why a sample is not accepted; "" when it is."""
    if found is None:
        return "cut off" if sample["finish_reason"] == CUT_OFF else "failed"
    if config.answer and not found.answer:
        return "answer"
    if config.equations and not found.equations:
        return "equations"
    return "grounding" if config.grounding and not found.grounding else ""


def _kept(
    traces: Sequence[Candidate], writer: Mapping[str, str], golds: Sequence[str], config: RftConfig
) -> set[str]:
    """Ids of the traces that are kept.

    The paper pools by running its rule again over what it kept of every model; ours looks at all at once.
    """
    if not config.distinct:
        return {one.id for one in traces}
    if config.keep == "spread":
        return {traces[place].id for place in spread(traces, golds, candidates=config.candidates)}
    kept: list[Candidate] = []
    groups = [list(group) for _, group in groupby(traces, key=lambda one: writer[one.id])]
    for group in groups:
        kept += [group[place] for place in RULES[config.keep or "first"](group)]
    if len(groups) > 1:
        kept = [kept[place] for place in RULES[config.keep or "first"](kept)]
    return {one.id for one in kept}


RULES = {"greedy": greedy, "first": first_of_each_key}
"""The rules that follow the order of the samples."""
