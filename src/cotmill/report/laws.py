"""What `cotmill.study` fitted as a page: accuracy against data first, and how far it can be foretold."""

from __future__ import annotations

from collections.abc import Sequence

from cotmill.report.fitted import COLOURS, Found, curves_csv, panel, series_of, slopes_table
from cotmill.report.laws_bases import bases_section, paths_section, strength_section
from cotmill.report.pages import Page
from cotmill.report.parts import Csv, Figure, Key, Section, Table
from cotmill.report.scatter import Axis, Series
from cotmill.report.text import count, signed, visible


def laws_page(found: Found) -> Page:
    """Put all fits on one page."""
    made = (_data(found), _ahead(found), bases_section(found), strength_section(found), paths_section(found))
    lead = (
        f"{count(found['settings'])} settings on {found['test']}. Accuracies in percent, differences in "
        f"points. "
        f"Intervals are 95 %, {found['intervals']}."
    )
    title = f"Scaling: {found['source']}" if found["source"] else "Scaling"
    return Page(visible(title), lead, tuple(section for section in made if section), str(found["source"]))


def _data(found: Found) -> Section | None:
    """Accuracy against labelled rows."""
    curves = found["curves"]
    if not curves:
        return None
    text = (
        "Slopes are points for each doubling of the labelled rows, along a straight line: over all "
        "amounts, and over "
        "the four largest. A bend counts as seen when a line that bends once foretells a left-out amount "
        "better than a "
        "straight one, and the interval of its change of slope leaves out zero.",
    )
    tables = [slopes_table(curves, "Slope, bend and ceiling", "rows")]
    if any("forms" in curve for curve in curves):
        tables.append(_forms_table(curves))
    title = "Accuracy against labelled data"
    return Section("data", title, text, tuple(_data_figures(curves)), tuple(tables))


def _data_figures(curves: Sequence[Found]) -> list[Figure]:
    """Draw one figure with a panel for every method; methods with the most bases come first."""
    methods = dict.fromkeys(curve["method"] for curve in curves)
    models = list(dict.fromkeys(curve["model"] for curve in curves))
    panels = []
    for place, method in enumerate(methods):
        series = [series_of(one, models) for one in curves if one["method"] == method]
        panels.append(panel(f"data-{place}", method, series, Axis("labelled rows", doubling=True)))
    key = tuple(Key(visible(model), f"c{n % COLOURS + 1}") for n, model in enumerate(models))
    caption = (
        "Accuracy against labelled rows, with intervals, and the form that foretells best, with its band."
    )
    return [
        Figure(
            "accuracy-against-data", caption, tuple(panels), curves_csv("accuracy-against-data", curves), key
        )
    ]


def _forms_table(curves: Sequence[Found]) -> Table:
    """Held-out error of every form on every curve, and over all."""
    names = list(dict.fromkeys(form["name"] for curve in curves for form in curve.get("forms", ())))
    rows = []
    for curve in curves:
        errors = {form["name"]: form for form in curve.get("forms", ())}
        if errors:
            cells = [f"{100 * errors[name]['held_out']:.1f}" if name in errors else "" for name in names]
            rows.append((visible(curve["model"]), visible(curve["method"]), *cells, curve["chosen"]))
    shared = [
        curve
        for curve in curves
        if "forms" in curve and {form["name"] for form in curve.get("forms", ())} == set(names)
    ]
    if len(shared) > 1:
        mean = [_mean_error(shared, name) for name in names]
        best = names[mean.index(min(mean))]
        rows.append((f"all {len(shared)} with every form", "", *(f"{value:.1f}" for value in mean), best))
    note = (
        "Each amount of data is left out once and foretold from the others; root mean square error, points."
    )
    columns = ("base", "method", *names, "best")
    words = frozenset({0, 1, len(columns) - 1})
    strong = frozenset({len(rows) - 1}) if len(shared) > 1 else frozenset()
    return Table("Held-out error of each form", columns, tuple(rows), words, note, strong)


def _mean_error(curves: Sequence[Found], name: str) -> float:
    squares = [form["held_out"] ** 2 for curve in curves for form in curve["forms"] if form["name"] == name]
    return 100 * (sum(squares) / len(squares)) ** 0.5


def _ahead(found: Found) -> Section | None:
    """How well the large end is foretold from the small one."""
    told = found["extrapolation"]["summary"]
    if told is None:
        return None
    each = found["extrapolation"]["each"]
    text = (
        f"Fitted on the smallest amounts only, every larger amount was foretold: {told['many']} "
        f"predictions, of which "
        f"{told['inside']} ({100 * told['inside'] / told['many']:.0f} %) lie in their 95 % interval. They "
        f"are off by "
        f"{100 * told['error']:.1f} points on average; {signed(100 * told['bias'], 1)} is their mean.",
    )
    forms = sorted({one["form"] for one in each})
    series = [
        Series(form, f"c{n % COLOURS + 1}", tuple(
            (100 * one["measured"], *(100 * one[end] for end in ("value", "low", "high")))
            for one in each if one["form"] == form
        ))
        for n, form in enumerate(forms)
    ]  # fmt: skip
    drawn = panel("ahead", "", series, Axis("measured, %"), label="foretold, %", diagonal=True)
    header = ("model", "method", "fitted_on", "times", "form", "measured", "value", "low", "high", "inside")
    csv = Csv("extrapolation", header, tuple(tuple(one[name] for name in header) for one in each))
    key = tuple(Key(one.name, one.colour, filled=True) for one in series)
    caption = "Foretold from the small end against measured, by the form that the small end chose."
    return Section(
        "ahead", "Can the large end be foretold from the small one?", text,
        (Figure("extrapolation", caption, (drawn,), csv, key),), (_alone_table(told),),
    )  # fmt: skip


def _alone_table(told: Found) -> Table:
    rows = tuple(
        (one["name"], count(one["many"]), f"{100 * one['error']:.1f}", signed(100 * one["bias"], 1))
        for one in sorted(told["forms"], key=lambda one: one["error"])
    )
    note = (
        "A form is tried where it has an amount to spare, so the counts differ, and with them the difficulty."
    )
    return Table(
        "Had one form been used throughout",
        ("form", "predictions", "mean absolute error", "mean error"),
        rows,
        note=note,
    )
