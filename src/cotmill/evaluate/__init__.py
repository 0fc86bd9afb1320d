"""Checkpoint + benchmark → verdicts, metrics with intervals, paired comparisons."""
