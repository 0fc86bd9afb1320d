"""Recipes: what to do, in YAML, and the runner that turns one into a Run.

text.py, load.py     YAML with line numbers, overrides, complaints → cells
schema.py            what a recipe may say
identity.py          hashes of the files and models that it names
plan.py, graph.py    cells → steps, equal ones once
steps.py             what each kind of step does
runner.py            steps in worker processes, whole or not there
run.py, collect.py   the Run folder and its tables
"""

from cotmill.recipe.load import LoadedRecipe as LoadedRecipe
from cotmill.recipe.load import load_recipe as load_recipe
from cotmill.recipe.load import recipe_of_text as recipe_of_text
from cotmill.recipe.run import prepare as prepare
from cotmill.recipe.run import run_recipe as run_recipe
from cotmill.recipe.schema import recipe_schema as recipe_schema
