"""Sampled traces: draw them, verify them, keep the distinct correct paths, pool models, know when to stop.

sampling.py      draw what is missing;  engines/: transformers, vLLM, servers
allocate.py      how many samples a question gets;  outcomes.py: what its samples brought
store.py samples.py done.py merge.py     samples on disk, each exactly once
rft.py           samples and a Pool D → the Pool D ∪ D′;  config.py: its modes and settings
collect.py shards.py choose.py           question by question, a shard at a time, in worker processes
filter.py        answer, equations, grounding;  repo.py: the paper's public script, mistakes named
keys.py          what makes two traces the same path;  expression.py: the tree of a calculation
diversity.py     which of the traces with one key is kept: the paper's greedy rule, and ours
pooling.py       exclusive shares, yield curves, coverage, suspect gold answers
richness.py      how many paths are still unseen; what a smaller sample would have found
"""
