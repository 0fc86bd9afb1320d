"""Masked-thought fine-tuning (arXiv 2403.02178): part of the solution is hidden from the model's input.

`config` what can be asked for; `keys` which row a token is of, and its random number; `vocabulary` what
the tokens are; `where` which tokens are noised; `replace` what stands in their place; `meter` what is
logged; `trainer` the one call that gives all this to a trainer of TRL or transformers. Import the parts,
or `from cotmill.train import masked_thought`; this file imports nothing, so that a recipe that only names
a mask needs no torch.
"""
