"""Sampled traces: draw them, verify them, keep the distinct correct paths, pool models, know when to stop.

keys.py          what makes two traces the same path;  expression.py: the tree of a calculation
richness.py      how many paths are still unseen; yield curves
"""
