"""Sections about what was fitted across bases: their loss and size, their strength, their paths."""

from __future__ import annotations

from collections.abc import Sequence

from cotmill.report.fitted import COLOURS, Found, curves_csv, panel, points, series_of, slopes_table
from cotmill.report.parts import Csv, Figure, Key, Panel, Section, Table
from cotmill.report.scatter import Axis, Series
from cotmill.report.text import signed, visible


def bases_section(found: Found) -> Section | None:
    """Accuracy against pre-training loss and size."""
    if not found["bases"]:
        return None
    names = dict.fromkeys(line["name"] for one in found["bases"] for line in one["predictors"])
    panels = [_base_panel(found["bases"], name) for name in names]
    methods = list(dict.fromkeys(one["method"] for one in found["bases"]))[:COLOURS]
    header = ("method", "predictor", "model", "x", "accuracy", "fitted")
    rows = tuple(
        (one["method"], line["name"], point["model"], point["x"], point["y"], point["fitted"])
        for one in found["bases"] for line in one["predictors"] for point in line["points"]
    )  # fmt: skip
    key = tuple(Key(visible(method), f"c{n + 1}") for n, method in enumerate(methods))
    caption = "Accuracy of each base against what is known of its pre-training, with straight lines."
    figure = Figure(
        "accuracy-against-bases", caption, tuple(panels), Csv("accuracy-against-bases", header, rows), key
    )
    text = (
        "Straight lines over the bases. Intervals of slopes are Student's over the bases. The held-out "
        "error leaves each "
        "base out once, over the bases for which everything is known, so that predictors compete on the "
        "same ones. Few "
        "bases of few families: this describes them, and proves nothing about others.",
    )
    return Section("bases", "What of the base foretells accuracy?", text, (figure,), (_bases_table(found),))


def _base_panel(bases: Sequence[Found], name: str) -> Panel:
    methods = list(dict.fromkeys(one["method"] for one in bases))[:COLOURS]
    series, title = [], ""
    for one in bases:
        line = next((line for line in one["predictors"] if line["name"] == name), None)
        if line is None or one["method"] not in methods:
            continue
        title = line["title"]
        told = sorted(line["points"], key=lambda point: point["x"])
        series.append(
            Series(
                one["method"], f"c{methods.index(one['method']) + 1}",
                tuple((p["x"], 100 * p["y"], 100 * p["y"], 100 * p["y"]) for p in told),
                tuple((p["x"], 100 * p["fitted"], 100 * p["fitted"], 100 * p["fitted"]) for p in told),
            )
        )  # fmt: skip
    across = Axis(title, doubling=name != "loss", reverse=name == "loss")
    return panel(f"bases-{name}", title, series, across)


def _bases_table(found: Found) -> Table:
    rows = []
    for one in found["bases"]:
        for line in one["predictors"]:
            better = one["better"] or {}
            held = f"{100 * line['held_out']:.1f}" if "held_out" in line else ""
            best = "best" if better.get("first") == line["name"] else ""
            sure = f"by {points(better['difference'])}" if best else ""
            rows.append((
                visible(one["method"]), f"{line['title']}, {line['unit']}", str(line["bases"]),
                points(line["slope"]),
                f"{line['explained']:.2f}", held, f"{best} {sure}".strip(),
            ))  # fmt: skip
    columns = ("method", "against", "bases", "slope", "R²", "held-out error", "which foretells better")
    note = (
        "“Best by” is how much smaller its held-out error is than the next one's, with the interval that "
        "the noise of "
        "the accuracies alone gives it."
    )
    return Table("Accuracy against the base", columns, tuple(rows), frozenset({0, 1, 6}), note)


def strength_section(found: Found) -> Section | None:
    """Gain against the strength of the base."""
    if not found["strength"]:
        return None
    listed = found["strength"][:COLOURS]
    series = [
        Series(one["method"], f"c{n + 1}", tuple(_gain(p) for p in one["points"]))
        for n, one in enumerate(listed)
    ]
    drawn = panel(
        "strength", "", series, Axis("accuracy of plain fine-tuning, %"), label="gain, points", level=0.0
    )
    header = ("method", "model", "before", "gain", "low", "high")
    rows = tuple(
        (one["method"], p["model"], p["before"], p["gain"]["value"], p["gain"]["low"], p["gain"]["high"])
        for one in found["strength"] for p in one["points"]
    )  # fmt: skip
    key = tuple(Key(visible(one.name), one.colour, filled=True) for one in series)
    figure = Figure(
        "gain-against-strength",
        "Gain over plain fine-tuning, by base.",
        (drawn,),
        Csv("gain-against-strength", header, rows),
        key,
    )
    text = (
        "The slope says by how many points the gain changes for each point that the base is stronger. "
        "Noise in the "
        "accuracy of plain fine-tuning pulls it down; the corrected slope takes that out.",
    )
    return Section("strength", "Do stronger bases gain less?", text, (figure,), (_strength_table(found),))


def _gain(told: Found) -> tuple[float, float, float, float]:
    value, low, high = (100 * told["gain"][end] for end in ("value", "low", "high"))
    return 100 * told["before"], value, low, high


def _strength_table(found: Found) -> Table:
    rows = tuple(
        (
            visible(one["method"]), str(one["bases"]), _plain(one["slope"]),
            "" if one["corrected"] is None else signed(one["corrected"], 2), f"{one['explained']:.2f}",
        )
        for one in found["strength"]
    )  # fmt: skip
    return Table("Gain against strength", ("method", "bases", "slope", "corrected", "R²"), rows)


def _plain(told: Found) -> str:
    return f"{signed(told['value'], 2)} ({signed(told['low'], 2)} to {signed(told['high'], 2)})"


def paths_section(found: Found) -> Section | None:
    """Accuracy against distinct paths."""
    curves = found["paths"]
    if not curves:
        return None
    models = list(dict.fromkeys(curve["model"] for curve in curves))
    drawn = panel(
        "paths",
        "",
        [series_of(curve, models) for curve in curves],
        Axis("distinct paths per question", doubling=True),
    )
    key = tuple(Key(visible(model), f"c{n % COLOURS + 1}") for n, model in enumerate(models))
    caption = "Accuracy of RFT against distinct paths per question, the given one included."
    name = "accuracy-against-paths"
    figure = Figure(name, caption, (drawn,), curves_csv(name, curves), key)
    tables = [slopes_table(curves, "A doubling of distinct paths", "paths")]
    if any(curve["samples"] for curve in curves):
        tables.append(_samples_table(curves))
    return Section(
        "paths", "Accuracy against distinct paths", (), (figure,),
        tuple(tables),
    )  # fmt: skip


def _samples_table(curves: Sequence[Found]) -> Table:
    rows = tuple(
        (
            visible(curve["model"]), f"{curve['correlation']:.2f}",
            f"{100 * curve['samples']['by_paths']:.2f}",
            f"{100 * curve['samples']['by_samples']:.2f}", points(curve["samples"]["difference"], 2),
        )
        for curve in curves if curve["samples"]
    )  # fmt: skip
    note = "Held-out error of a straight line, points. Positive: paths foretell better than samples."
    columns = ("base", "r", "against paths", "against samples", "paths better by")
    return Table("Paths or samples?", columns, rows, note=note)
