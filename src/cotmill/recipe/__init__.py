"""Recipes: what to do, in YAML, and the runner that turns one into a Run."""
