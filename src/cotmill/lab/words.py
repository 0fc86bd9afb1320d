"""The words that fill the slots of the lab's sentences.

They are short and few on purpose: a model of a quarter of a million parameters has to know each of
them, and the tokenizer has 832 entries in all.
"""

from __future__ import annotations

NAMES: tuple[str, ...] = (
    "Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus", "Ivy", "Jim", "Kim", "Leo", "Mia", "Ned", "Pam",
    "Ray", "Sue", "Tom", "Uma", "Vic", "Zoe", "Amy", "Ben", "Eli", "Max",
)  # fmt: skip

THINGS: tuple[str, ...] = (
    "pens", "books", "cups", "caps", "toys", "balls", "cards", "coins", "eggs", "figs", "pears", "plums",
    "cakes", "rolls", "shells", "stones", "stamps", "beads", "nuts", "seeds",
)  # fmt: skip

HOLDERS: tuple[str, ...] = ("bags", "boxes", "jars", "trays", "packs")

ANIMALS: tuple[str, ...] = ("birds", "cats", "dogs", "ducks", "fish", "goats")

PLACES: tuple[str, ...] = ("park", "shop", "school", "garden", "farm", "town")

COLOURS: tuple[str, ...] = ("red", "blue", "green", "black", "white", "brown")

WORK: tuple[tuple[str, str, str], ...] = (
    ("reads", "read", "pages"),
    ("makes", "make", "toys"),
    ("picks", "pick", "plums"),
    ("bakes", "bake", "cakes"),
    ("packs", "pack", "boxes"),
    ("paints", "paint", "cards"),
    ("walks", "walk", "miles"),
    ("earns", "earn", "dollars"),
)
"""Verb with -s, verb, what is counted."""

SPANS: tuple[str, ...] = ("hour", "day", "week")
