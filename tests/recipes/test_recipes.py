"""Every shipped recipe loads, plans where its data is at hand, and would compare something."""

from pathlib import Path

import pytest

from cotmill.core.errors import RecipeError
from cotmill.recipe import load_recipe
from cotmill.recipe.load import find_recipe, recipe_of_text
from cotmill.recipe.plan import plan_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def test_there_are_recipes() -> None:
    assert {"quickstart", "gsm8k", "lab_calibration"} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_loads_and_is_found_by_its_name(path: Path) -> None:
    loaded = load_recipe(path)
    assert loaded.varied.name == path.stem
    assert loaded.varied.about, "say in a paragraph what the recipe asks"
    assert loaded.varied.compare_to in loaded.varied.arm_names
    assert find_recipe(path.stem).resolve() == path.resolve()
    assert recipe_of_text(loaded.text).cells == loaded.cells


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_plans(path: Path) -> None:
    try:
        # One seed plans the same kinds of steps as fifteen do.
        planned = plan_recipe(load_recipe(path, ["seeds=[0]"]))
    except RecipeError as error:
        if "shared" in str(error):
            pytest.skip(f"REAL DATA ABSENT: {error}")
        raise
    assert len(planned.steps) > len(planned.cells)
