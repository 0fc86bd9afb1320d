"""The families of problems, their share of the default mix, and the one kept for tests.

The mix has a heavy tail, as collections such as MathInstruct have, so that rare sources exist.
"""

from __future__ import annotations

from collections.abc import Callable

from cotmill.lab.draft import Draft
from cotmill.lab.families.buying import measures, shopping
from cotmill.lab.families.comparing import ages, comparisons
from cotmill.lab.families.counting import changes, parts, totals
from cotmill.lab.families.dividing import percentages, sharing
from cotmill.lab.families.timing import patterns, rates, savings
from cotmill.lab.graph import Node

Family = Callable[[Draft, int], Node]
"""Writes a problem of the wanted number of steps into the draft and returns the quantity asked for."""

FAMILIES: dict[str, Family] = {
    "comparisons": comparisons,
    "shopping": shopping,
    "changes": changes,
    "totals": totals,
    "rates": rates,
    "sharing": sharing,
    "ages": ages,
    "percentages": percentages,
    "patterns": patterns,
    "parts": parts,
    "measures": measures,
}

UNSEEN: dict[str, Family] = {"savings": savings}

DEFAULT_MIX: dict[str, float] = {
    "comparisons": 0.26,
    "shopping": 0.19,
    "changes": 0.14,
    "totals": 0.11,
    "rates": 0.09,
    "sharing": 0.06,
    "ages": 0.05,
    "percentages": 0.04,
    "patterns": 0.03,
    "parts": 0.02,
    "measures": 0.01,
}

__all__ = ["DEFAULT_MIX", "FAMILIES", "UNSEEN", "Family"]
