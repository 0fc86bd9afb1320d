"""Load a causal language model; render, tokenise, score, generate: one code path for all stages."""
