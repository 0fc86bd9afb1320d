"""What a prediction depends on: numbers are changed, one at a time, and later predictions looked at.

Source: the dependency analysis of Masked Thought (arXiv 2403.02178), after CXPlain (arXiv 1910.12336): the
importance of a token is the change of a prediction when the token is altered. `numbers` finds and alters
numbers, `reading` scores altered texts in batches, `influence` is the probe, `conflict` the case study in
which question and an earlier step disagree, `summary` gives both with intervals.
"""
