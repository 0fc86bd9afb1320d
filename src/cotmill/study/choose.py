"""Which form foretells accuracies that it has not seen: every amount of data left out once.

The choice is made anew in every draw (Efron 2014, estimation and accuracy after model selection), so that
bands and predictions carry the doubt about the form and not only about its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cotmill.study.forms import LINE, Fitted, Form, Rows, fit, usable

TIE = 1e-4
"""Errors closer than this (a hundredth of a point) are alike; then the form that is listed first is taken."""


@dataclass(frozen=True)
class Choice:
    """The forms fitted to the draws of one curve, and which of them each draw prefers."""

    forms: tuple[Form, ...]
    fitted: Mapping[str, Fitted]
    held_out: Mapping[str, Float[np.ndarray, " draw"]]
    """Root mean square error on the amount of data that was left out, in share; empty with too few
    amounts."""
    chosen: Int[np.ndarray, " draw"]
    """Place of the preferred form."""
    amounts: int
    """How many amounts of data were fitted."""

    def at(self, x: Rows) -> Float[np.ndarray, "draw size"]:
        """Give each draw's accuracies by the form that it prefers."""
        every = np.stack([self.fitted[form.name].at(x) for form in self.forms])
        return every[self.chosen, np.arange(every.shape[1])]

    @property
    def best(self) -> Form:
        """The form preferred by the first draw, which is what was measured."""
        return self.forms[int(self.chosen[0])]


def choose(
    x: Rows, accuracies: Float[np.ndarray, "draw size"], forms: Sequence[Form] | None = None
) -> Choice:
    """Fit all usable forms, and choose by held-out error; put what was measured first among the draws."""
    able = tuple(usable(x) if forms is None else forms) or (LINE,)
    fitted = {form.name: fit(form, x, accuracies) for form in able}
    if len(x) < 3:
        return Choice(able, fitted, {}, np.zeros(len(accuracies), dtype=int), len(x))
    held_out = {form.name: held_out_error(form, x, accuracies) for form in able}
    errors = np.stack([held_out[form.name] for form in able])
    chosen = np.argmax(errors <= errors.min(axis=0) + TIE, axis=0)
    return Choice(able, fitted, held_out, chosen, len(x))


def held_out_error(
    form: Form, x: Rows, accuracies: Float[np.ndarray, "draw size"]
) -> Float[np.ndarray, " draw"]:
    """Predict every amount of data from the others; the ends are extrapolations, as in use."""
    squares = np.zeros(len(accuracies))
    for left in range(len(x)):
        rest = np.arange(len(x)) != left
        predicted = fit(form, x[rest], accuracies[:, rest]).at(x[[left]])[:, 0]
        squares += (predicted - accuracies[:, left]) ** 2
    return np.sqrt(squares / len(x))
