"""Perplexity top, middle and low: rows by how surprising their solution is to a model.

Source: Marion et al. 2023, arXiv 2309.04564, who rank by the perplexity of a reference model and keep the
top, the middle or the bottom of the ranking; S2L (arXiv 2403.07384) compares with the middle. Perplexity
is exp(mean loss), so the mean loss over label tokens ranks alike. Their sequences all have one length;
here rows differ in length, and the prompt is not counted. Rows without label tokens have no perplexity.
"""

from __future__ import annotations

from cotmill.evidence import Losses
from cotmill.select import pick
from cotmill.select.drawing import Drawing
from cotmill.select.protocol import Candidates, Method


def _drawing(rows: Candidates, order: pick.Positions, why: str) -> Drawing:
    return Drawing(order=order, why=why, scores=rows.evidence.mean, unfit=rows.evidence.unmeasured)


class PerplexityTop(Method):
    """Rows with the highest mean loss per label token."""

    name = "perplexity_top"
    needs = Losses

    def draw(self, rows: Candidates) -> Drawing:
        """Order from surprising to expected."""
        return _drawing(rows, pick.top(rows.evidence.mean, rows.keys), "highest mean loss")


class PerplexityMiddle(Method):
    """Rows around the median of the mean loss per label token."""

    name = "perplexity_middle"
    needs = Losses

    def draw(self, rows: Candidates) -> Drawing:
        """Order from the median outwards."""
        return _drawing(rows, pick.middle(rows.evidence.mean, rows.keys), "mean loss nearest to the median")


class PerplexityLow(Method):
    """Rows with the lowest mean loss per label token."""

    name = "perplexity_low"
    needs = Losses

    def draw(self, rows: Candidates) -> Drawing:
        """Order from expected to surprising."""
        return _drawing(rows, pick.bottom(rows.evidence.mean, rows.keys), "lowest mean loss")
