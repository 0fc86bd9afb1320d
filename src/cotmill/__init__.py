"""cotmill: from a pool of chain-of-thought solutions to a better training set, model and evidence."""

__version__ = "0.1.0"
