"""Influence functions for groups of queries: what each row of a pool does to the loss of a group.

The influence of a row d on a group G is s_G(d) = v_G · ∇L(d) with v_G = (H + λ)⁻¹ mean_q ∇L(q): positive
when more weight on d lowers the loss of the group. Pruning asks about groups, so only a few directions
v_G are ever needed: they are preconditioned once, refined where wanted, and every row is scored by one
backward pass (or by forward passes) against all of them together.

    config.py         what all of it can be told
    modules.py        which layers are differentiated, and which of them read the same input
    sweep.py          one forward and backward pass over rows; every layer's inputs and gradients, once
    loss.py           loss of the labels and its gradient before the output layer; sampled labels
    factors.py        curvature: covariances, eigenvectors, corrected eigenvalues, layer by layer to disk
    spectrum.py       eigenvectors and damped inverses of one layer
    directions.py     gradients of groups of queries, and their preconditioning
    newton.py         the Gauss–Newton product, and conjugate gradients on it
    scores.py         rows against directions by a backward pass, with losses and gradient norms
    forward.py        the same by forward-mode derivatives and by finite differences; which way is cheapest
    queries.py        the groups: questions that fine-tuning turned right or wrong
    measure.py        all of it, from a model, a pool and queries to evidence
    band.py           ranks by single queries for rows that parts leave undecided
    gate.py           whether the scores may be believed: an actual step, and small retrainings
"""
