"""Many trainings read together: scaling laws with intervals, what they cost, and what to do next.

points.py            a measured setting: model, method, amount of data, results
table.py, runs.py    settings from a plain table of accuracies, or from Run folders with every answer
draws.py             what the accuracies could have been: bootstrap over questions and seeds
forms.py, choose.py  curves of accuracy against data, and which of them foretells what it has not seen
curves.py            slope per doubling, bend, ceiling, extrapolation and its test
bases.py, paths.py   against pre-training loss, parameters and the strength of the base; against distinct
paths fit.py               all of these at once, as plain data
cost.py              tokens, FLOPs, hours and disk of every cell, before and after
moves.py, plan.py    what to do next, what it brings and costs, and what would change the ranking
backtest.py          how often that advice was right, where the truth is known

Nothing here imports torch. Pages are drawn by `cotmill.report` from the plain data.
"""
