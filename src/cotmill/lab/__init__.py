"""The embedded default: a world of worded arithmetic problems, and a family of small models for it.

Everything is generated from seeds, so it works offline, and everything is known exactly, so a method's
claim can be measured. Nothing here trains a model: pre-training is a recipe like any other.
"""

from cotmill.lab.declarative import declarative as declarative
from cotmill.lab.problems import Problem as Problem
from cotmill.lab.problems import generate as generate
