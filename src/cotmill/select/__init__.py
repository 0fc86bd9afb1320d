"""Choosing rows: pool + evidence + budget + seed → Selection. No torch here.

    budget.py     rows, percent, tokens
    pick.py       how we draw: every rule is an order of rows, the budget is where it is cut
    drawing.py    Drawing: that order and what made it
    protocol.py   Selector; Method, the base that checks evidence and writes the manifest
    selection.py  Selection: the manifest, on disk and in memory
    overlap.py    two selections against chance
    the rest      one module per method: what we believe, and which rule draws

A new method is one module with a class derived from Method, one test module, and one line below.
"""

from cotmill.select.budget import Budget as Budget
from cotmill.select.protocol import Method as Method
from cotmill.select.protocol import Selector as Selector
from cotmill.select.random import Random as Random
from cotmill.select.selection import Selection as Selection

SELECTORS: dict[str, type[Method]] = {
    "random": Random,
}
"""Every built-in selector by the name that recipes and the command line use."""
