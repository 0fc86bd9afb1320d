"""Read a recipe: YAML and overrides in, a checked Recipe and its cells out.

Every complaint names the file and line (or the `--set`) where the setting was written, what was expected,
and the nearest known name. All complaints come at once, before any model is loaded.
"""

from __future__ import annotations

import difflib
import itertools
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

import cotmill
from cotmill.core.errors import RecipeError
from cotmill.core.factors import combinations
from cotmill.core.files import canonical_json
from cotmill.core.ids import content_id
from cotmill.core.secrets import refuse_secrets
from cotmill.recipe.schema import Pipeline, Recipe, Varied
from cotmill.recipe.text import Document, Where, dump, override, parse, read_document, set_at

MOST_COMPLAINTS = 12

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Cell:
    """One grid point, arm and seed, with the pipeline that follows from them."""

    arm: str
    seed: int
    point: Mapping[str, Any]
    pipeline: Pipeline

    @property
    def label(self) -> str:
        """Name the cell in a message: `random · data.train.lab.rows=500 · seed 1`."""
        return " · ".join(
            [self.arm, *(f"{key}={value}" for key, value in self.point.items()), f"seed {self.seed}"]
        )


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe that has been checked, its cells, and where its files are looked for."""

    varied: Varied
    cells: tuple[Cell, ...]
    tree: Mapping[str, Any]
    folders: tuple[Path, ...]

    @property
    def text(self) -> str:
        """Write the recipe with all overrides applied, so that it can be replayed."""
        return dump(self.tree)

    @property
    def fingerprint(self) -> str:
        """Hash what the recipe says, not how it is laid out."""
        return content_id("recipe", canonical_json(self.tree))

    def find(self, path: str) -> Path:
        """Find a file that the recipe names: from here, from the recipe's folder, from where it first ran.

        Raises:
            RecipeError: it is in none of these.
        """
        tried = [folder / path for folder in self.folders]
        for place in tried:
            if place.exists():
                return place.resolve()
        looked = ", ".join(str(place) for place in tried)
        raise RecipeError(f"the recipe names {path}, which is not there; looked at: {looked}")


def shipped_folders() -> Iterator[Path]:
    """Yield where recipes that come with cotmill lie: in the checkout, or under the installation's prefix."""
    yield Path(cotmill.__file__).parents[2] / "recipes"
    yield Path(sys.prefix) / "share" / "cotmill" / "recipes"


def find_recipe(name: str) -> Path:
    """Find a recipe by path, or by name among the shipped ones; the `.yaml` may be left out.

    Raises:
        RecipeError: there is none; lists the shipped ones.
    """
    places = [Path(), *shipped_folders()]
    for place in places:
        for ending in ("", ".yaml", ".yml"):
            path = place / f"{name}{ending}"
            if path.is_file():
                return path
    shipped = sorted({path.stem for folder in shipped_folders() for path in folder.glob("*.yaml")})
    near = difflib.get_close_matches(Path(name).stem, shipped, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise RecipeError(
        f"there is no recipe {name}; give a YAML file, or a shipped recipe: {', '.join(shipped)}.{meant}"
    )


def load_recipe(path: Path | str, settings: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe file and apply `a.b=c` overrides.

    Raises:
        RecipeError: anything about it is wrong; all of it is said.
    """
    path = find_recipe(path) if isinstance(path, str) else path
    document = read_document(path)
    return _checked(_with(document, settings), (Path(), path.parent, *_first_run_from(path.parent)))


def recipe_of_text(text: str, settings: Sequence[str] = (), *, name: str = "recipe") -> LoadedRecipe:
    """Read a recipe from text, as in a notebook or a test."""
    return _checked(_with(parse(text, name), settings), (Path(),))


def _first_run_from(folder: Path) -> list[Path]:
    """When the recipe lies in a Run, look for its files also where the Run was first started."""
    record = folder / "run.json"
    if not record.is_file():
        return []
    try:
        return [Path(json.loads(record.read_text(encoding="utf-8"))["started_in"])]
    except (ValueError, KeyError, TypeError):
        return []


def _with(document: Document, settings: Sequence[str]) -> Document:
    """Apply the overrides in their order."""
    if not isinstance(document.tree, dict):
        raise RecipeError(
            f"{document.name}: expected settings such as `name: my-run`, got {type(document.tree).__name__}"
        )
    for setting in settings:
        document = override(document, setting)
    return document


def _checked(document: Document, folders: tuple[Path, ...]) -> LoadedRecipe:
    """Check everything and lay out the cells."""
    complaints = [
        f"{document.place((key,))}: {key} is not a setting{_nearest(key, list(Recipe.model_fields))}"
        for key in document.tree.keys() - Recipe.model_fields.keys()
    ]
    varied, found = _validate(Varied, document.only(Varied.model_fields))
    if varied is None:
        _complain(complaints + found)
    assert varied is not None
    complaints += _about_comparison(document, varied)
    cells: list[Cell] = []
    for point, arm in itertools.product(_points(varied), varied.arm_names):
        pipeline, found = _validate(Pipeline, _merged(document, point, _places(varied, arm)))
        complaints += found
        if pipeline is not None:
            cells += [Cell(arm, seed, point, pipeline) for seed in varied.seeds]
    _complain(complaints)
    refuse_secrets(document.tree, document.name)
    return LoadedRecipe(varied, tuple(cells), document.tree, folders)


def _points(varied: Varied) -> list[dict[str, Any]]:
    """Lay out the grid; of named points, the names."""
    return [
        dict(zip(varied.grid, values, strict=True)) for values in itertools.product(*varied.grid.values())
    ]


def _places(varied: Varied, arm: str) -> list[Where]:
    """Say where the overrides of an arm stand: under its own name, or one under each factor."""
    crossed = combinations(varied.factors)
    if arm in crossed:
        return [("factors", factor, level) for factor, level in crossed[arm].items()]
    return [("arms", arm)] if arm in varied.arms else []


def _merged(document: Document, point: Mapping[str, Any], places: Sequence[Where]) -> Document:
    """Lay the grid point over the pipeline, and the arm's overrides over both."""
    merged = document.only(Pipeline.model_fields)
    for key, value in point.items():
        if isinstance(document.tree["grid"][key], Mapping):
            merged = merged.merged(document.part("grid", key, value))
        else:
            merged = set_at(merged, key, value, document.place(("grid", key)))
    for place in places:
        merged = merged.merged(document.part(*place))
    return merged


def _about_comparison(document: Document, varied: Varied) -> Iterator[str]:
    """Check that `compare_to` names an arm."""
    names = varied.arm_names
    if varied.compare_to is not None and varied.compare_to not in names:
        at = document.place(("compare_to",))
        yield f"{at}: compare_to is {varied.compare_to!r}, which is no arm; the arms are {', '.join(names)}"


def _complain(complaints: Sequence[str]) -> None:
    """Raise all complaints as one error, if there are any; each is said once, however many arms share it."""
    if not complaints:
        return
    said = list(dict.fromkeys(complaints))
    more = [f"… and {len(said) - MOST_COMPLAINTS} more"] if len(said) > MOST_COMPLAINTS else []
    raise RecipeError("\n  ".join([*said[:MOST_COMPLAINTS], *more]))


def _validate(model: type[Model], document: Document) -> tuple[Model | None, list[str]]:
    """Validate a document: the model, or sentences.

    The data goes through JSON, where strictness is about types that people mean to tell apart (text, whole
    numbers, decimals, true/false) and not about Python's (list or tuple).
    """
    try:
        return model.model_validate_json(json.dumps(document.tree), strict=True), []
    except ValidationError as error:
        return None, [_complaint(model, document, dict(one)) for one in error.errors(include_url=False)]


def _complaint(model: type[BaseModel], document: Document, error: Mapping[str, Any]) -> str:
    """Turn one of pydantic's errors into a sentence with a line number."""
    path = _written_path(document.tree, error["loc"])
    dotted = ".".join(str(step) for step in path) or "the recipe"
    at = document.place(path)
    if error["type"] == "extra_forbidden":
        known = list((Recipe if len(path) == 1 else _model_at(model, path[:-1])).model_fields)
        return f"{at}: {dotted} is not a setting{_nearest(str(path[-1]), known)}"
    if error["type"] == "missing":
        return f"{at}: {dotted} is missing"
    told = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{at}: {dotted}: {told}"
    told = (
        told.replace("Input should be", "expected")
        .replace("a valid tuple", "a list")
        .replace("a valid dictionary", "settings")
    )
    return f"{at}: {dotted}: {told[0].lower()}{told[1:]}; got {_short(error['input'])}"


def _short(value: Any) -> str:
    """Show a value in an error, cut when long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _nearest(word: str, known: Sequence[str]) -> str:
    """Name the nearest known word, or all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else f"; known are: {', '.join(known)}"


def _written_path(tree: Any, location: tuple[str | int, ...]) -> Where:
    """Drop from pydantic's location what is not in the document: names of union members."""
    path: list[str | int] = []
    for n, step in enumerate(location):
        last = n == len(location) - 1
        if _holds(tree, step):
            tree = tree[step]
            path.append(step)
        elif last and isinstance(tree, Mapping) and not str(step).endswith("]"):
            path.append(step)
    return tuple(path)


def _holds(tree: Any, step: str | int) -> bool:
    """Say whether a step of a path leads into the data."""
    return step in tree if isinstance(tree, Mapping) else isinstance(tree, list) and isinstance(step, int)


def _model_at(model: type[BaseModel], path: Where) -> type[BaseModel]:
    """Find the settings that may stand at a path."""
    for step in path:
        field = model.model_fields.get(str(step))
        inner = _models_in(field.annotation if field else model)
        model = inner[0] if inner else model
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """List the models that an annotation mentions."""
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, types.GenericAlias)
        and issubclass(annotation, BaseModel)
    ):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]
