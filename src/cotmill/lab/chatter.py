"""Sentences that say nothing about the problem: chatter in solutions, talk in pre-training text."""

from __future__ import annotations

CHATTER: tuple[str, ...] = (
    "Let us think about this step by step.",
    "This is a nice question.",
    "I like to count things.",
    "We can find it out now.",
    "Let us look at the numbers first.",
    "Well, this is not hard at all.",
    "I hope this helps you.",
    "It is good to check the work.",
)
"""Lines that people and models put into solutions."""

TALK: tuple[str, ...] = (
    "The sun is warm and the sky is blue.",
    "It is cold in the winter and warm in the summer.",
    "The children play at the river in the morning.",
    "A small dog runs over the road to the house.",
    "We like to sing a song at night.",
    "The door of the house is open and the window is not.",
    "The rain makes the water in the river go up.",
    "My friend likes to hear a story about the sea.",
    "The teacher tells the children about the old town.",
    "The big tree in the garden has green leaves.",
    "The bus goes from the school to the park.",
    "They eat bread and drink milk in the morning.",
)
"""Whole sentences about another world; no numbers."""

OFF_TOPIC: tuple[str, ...] = (
    "The bus to the {place} has {n} seats.",
    "The road to the {place} is {n} miles long.",
    "{name} was at the {place} {n} times.",
    "The house of {name} has {n} windows.",
    "{name} has a dog that is {n} years old.",
    "The tree at the house of {name} is {n} meters high.",
)
"""Irrelevant sentences about other matters, with a number."""

IN_TOPIC: tuple[str, ...] = (
    "{name} has {n} {thing}.",
    "{name} saw {n} {thing} in the shop.",
    "{name} had {n} {thing} a week ago.",
    "The shop has {n} {thing}.",
    "{name} wants to buy {n} {thing}.",
)
"""Irrelevant sentences about the same kind of matter, with a number."""
