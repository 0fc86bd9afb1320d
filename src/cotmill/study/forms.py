"""Curves of accuracy against the amount of data, each fitted to many draws at once.

    line          a + b log2 x                       no ceiling: what papers draw
    broken line   a line that changes its slope at a knee
    power         a - b x^-c                         a power law to the ceiling a
    exponential   a - b exp(-x / s)                  each row fills what is left at the same rate
    logistic      a / (1 + exp(-(log2 x - m) / w))   slow, fast, slow in the logarithm: starts at zero

An exponential in log2 x is the power law under another name, so it is not listed twice. Every form is linear
but for one or two parameters; these are searched on a grid and the rest solved exactly (variable projection,
Golub and Pereyra 1973), which cannot get stuck and serves thousands of draws in one pass. Ceilings are at
most 1, and the saturating forms never fall. Points count the same: spreads of neighbouring accuracies differ
little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Rows = Float[np.ndarray, " size"]
Shapes = Float[np.ndarray, "shape own"]
Basis = Callable[[Rows, Shapes], Float[np.ndarray, "shape size term"]]
WIDTHS = np.geomspace(0.3, 8.0, 11)
"""Widths of logistics, in doublings."""
TOP = 1.0
"""No accuracy is higher."""


@dataclass(frozen=True)
class Form:
    """A family of curves."""

    name: str
    about: str
    parameters: int
    basis: Basis
    grid: Callable[[Rows], Shapes]
    """Values of what is not linear, for the amounts of data at hand."""
    ceiling: bool = False


@dataclass(frozen=True)
class Fitted:
    """A form fitted to some draws."""

    form: Form
    nonlinear: Float[np.ndarray, "draw own"]
    linear: Float[np.ndarray, "draw term"]
    error: Float[np.ndarray, " draw"]
    """Sum of squares that is left."""

    def at(self, x: Rows) -> Float[np.ndarray, "draw size"]:
        """Give the curves' accuracies, between 0 and 1."""
        found = np.einsum("dst,dt->ds", self.form.basis(x, self.nonlinear), self.linear)
        return np.clip(found, 0.0, TOP)

    @property
    def ceilings(self) -> Float[np.ndarray, " draw"] | None:
        """What the curves tend to with ever more data; None for forms that know no end."""
        return self.linear[:, 0] if self.form.ceiling else None


def fit(form: Form, x: Rows, accuracies: Float[np.ndarray, "draw size"]) -> Fitted:
    """Fit a form by least squares to every draw, trying every shape of the grid for all draws at once."""
    grid = form.grid(x)
    basis = form.basis(x, grid)
    linear = _solve(form, basis, accuracies)
    left = linear @ basis.transpose(0, 2, 1)
    left -= accuracies
    errors = np.einsum("gds,gds->gd", left, left)
    chosen = np.argmin(errors, axis=0)
    draws = np.arange(len(accuracies))
    return Fitted(form, grid[chosen], linear[chosen, draws], errors[chosen, draws])


def _solve(
    form: Form, basis: Float[np.ndarray, "shape size term"], y: Float[np.ndarray, "draw size"]
) -> Float[np.ndarray, "shape draw term"]:
    """Solve for what is linear, within the form's bounds."""
    if form.ceiling and basis.shape[2] > 1:
        return _bounded(basis[:, :, 1], y)
    solved = y @ np.linalg.pinv(basis).transpose(0, 2, 1)
    return np.clip(solved, 0.0, TOP) if form.ceiling else solved


def _bounded(
    term: Float[np.ndarray, "shape size"], y: Float[np.ndarray, "draw size"]
) -> Float[np.ndarray, "shape draw two"]:
    """Solve a + b * term with a at most 1 and b at least 0; `term` is negative and rises to 0."""
    mean = term.mean(axis=1, keepdims=True)
    centred = term - mean
    scale = np.maximum((centred**2).sum(axis=1, keepdims=True), 1e-12)
    level = y.mean(axis=1)
    b = np.maximum(0.0, centred @ (y - level[:, None]).T / scale)
    a = level - b * mean
    capped = np.maximum(0.0, term @ (y - TOP).T / np.maximum((term**2).sum(axis=1, keepdims=True), 1e-12))
    return np.stack([np.minimum(a, TOP), np.where(a > TOP, capped, b)], axis=2)


def _terms(*terms: Float[np.ndarray, "shape size"]) -> Float[np.ndarray, "shape size term"]:
    return np.stack(np.broadcast_arrays(np.ones_like(terms[0]), *terms), axis=2)


def _no_shape(x: Rows) -> Shapes:
    del x
    return np.zeros((1, 0))


def _straight(x: Rows, shapes: Shapes) -> Float[np.ndarray, "shape size term"]:
    return _terms(np.tile(np.log2(x), (len(shapes), 1)))


def _bent(x: Rows, knees: Shapes) -> Float[np.ndarray, "shape size term"]:
    z = np.tile(np.log2(x), (len(knees), 1))
    return _terms(z, np.maximum(0.0, z - knees))


def _knees(x: Rows) -> Shapes:
    """Put knees between the second smallest and the second largest amount."""
    z = np.unique(np.log2(x))
    return np.linspace(z[1], z[-2], 25)[:, None] if len(z) > 3 else np.array([[float(np.median(z))]])


def _falling_power(x: Rows, powers: Shapes) -> Float[np.ndarray, "shape size term"]:
    return _terms(-(x[None, :] ** -powers))


def _powers(x: Rows) -> Shapes:
    del x
    return np.geomspace(0.03, 3.0, 60)[:, None]


def _decay(x: Rows, scales: Shapes) -> Float[np.ndarray, "shape size term"]:
    return _terms(-np.exp(-x[None, :] / scales))


def _scales(x: Rows) -> Shapes:
    return np.geomspace(x.min() / 3, x.max() * 6, 60)[:, None]


def _logistic(x: Rows, shapes: Shapes) -> Float[np.ndarray, "shape size term"]:
    steep = (np.log2(x)[None, :] - shapes[:, :1]) / shapes[:, 1:]
    return (1 / (1 + np.exp(-np.clip(steep, -60, 60))))[:, :, None]


def _middles_and_widths(x: Rows) -> Shapes:
    z = np.log2(x)
    span = max(1.0, float(z.max() - z.min()))
    middles = np.linspace(z.min() - 1.5 * span, z.max() + 1.5 * span, 41)
    return np.array([(middle, width) for middle in middles for width in WIDTHS])


LINE = Form("line", "a straight line in the logarithm of the data", 2, _straight, _no_shape)
BROKEN = Form("broken line", "a straight line that bends once", 4, _bent, _knees)
POWER = Form("power", "a power law to a ceiling", 3, _falling_power, _powers, ceiling=True)
EXPONENTIAL = Form("exponential", "an exponential to a ceiling", 3, _decay, _scales, ceiling=True)
LOGISTIC = Form(
    "logistic", "a logistic in the logarithm of the data", 3, _logistic, _middles_and_widths, ceiling=True
)
FORMS: tuple[Form, ...] = (LINE, BROKEN, POWER, EXPONENTIAL, LOGISTIC)


def usable(x: Sequence[float] | Rows) -> list[Form]:
    """List the forms that so many different amounts of data can bear, with one to spare.

    >>> [form.name for form in usable([100.0, 200.0, 400.0])]
    ['line']
    """
    many = len(np.unique(np.asarray(x, dtype=float)))
    return [form for form in FORMS if form.parameters < many]
