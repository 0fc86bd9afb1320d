"""What one forward pass says of every row: losses, confidence, ranks, hidden states, gradient norms.

The gradient norm is that of the output layer alone, in closed form: by its weights W the loss of a token
with hidden state h, probabilities p and target y has the gradient (p - y) hᵀ, so the squared norm of the
mean over a row is the sum of (d_s · d_t)(h_s · h_t) over its pairs of tokens, d = p - y, over their number
squared. It needs no backward pass. With tied embeddings it counts the output's side only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from cotmill.evidence.parts import GRADIENT, POOLINGS
from cotmill.evidence.readings import RANK_LIMIT
from cotmill.model.batches import IGNORED, in_halves, length_batches, pad_right
from cotmill.model.head import LOGITS_AT_ONCE, has_plain_head, last_hidden, without_adapters
from cotmill.model.load import LanguageModel
from cotmill.model.loss import CPU_TOKENS, GPU_TOKENS
from cotmill.model.tokenise import TokenisedRow, TokenisedRows, flat_rows, own_prefix

SUMS = ("loss_sum", "confidence_sum", "top_sum", "rank_sum")
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Wanted:
    """What is read off a pass beside the sums, which cost next to nothing."""

    poolings: tuple[str, ...] = ()
    gradient: bool = False

    @classmethod
    def of(cls, parts: Collection[str]) -> Wanted:
        """Read the names of parts."""
        return cls(tuple(name for name in POOLINGS if name in parts), GRADIENT in parts)


def read_rows(
    lm: LanguageModel, tokenised: TokenisedRows, wanted: Wanted, *, batch_tokens: int | None = None
) -> Columns:
    """Read rows; the batch size changes speed and memory, not the result.

    The columns are the sums over label tokens, `end_loss`, and as asked for `gradient_norm` and one table
    of vectors per pooling. Rows without a token have NaN for vectors.
    """
    rows, width = len(tokenised), lm.model.config.get_text_config().hidden_size
    found: Columns = {name: np.zeros(rows) for name in SUMS}
    found["end_loss"] = np.full(rows, np.nan)
    found |= {name: np.full((rows, width), np.nan, dtype=np.float32) for name in wanted.poolings}
    if wanted.gradient:
        found["gradient_norm"] = np.zeros(rows)
    budget = batch_tokens or (CPU_TOKENS if lm.device.type == "cpu" else GPU_TOKENS)
    filled = np.flatnonzero(tokenised.lengths if wanted.poolings else tokenised.labels)
    for batch in length_batches(tokenised.lengths[filled], tokens=budget):
        for positions, part in in_halves(lambda at: _batch(lm, tokenised, at, wanted), filled[batch]):
            for name, values in part.items():
                found[name][positions] = values
    return found


@torch.inference_mode()
def _batch(
    lm: LanguageModel, tokenised: TokenisedRows, positions: Int[np.ndarray, " place"], wanted: Wanted
) -> Columns:
    """Read one batch."""
    inputs, labels = pad_right(tokenised, positions, lm.tokenizer.pad_token_id or 0)
    inputs, keep = inputs.to(lm.device), (labels[:, 1:] != IGNORED).to(lm.device)
    model = without_adapters(lm.model)
    hidden, logits = _states(model, inputs)
    counts = keep.sum(dim=1)
    kept, targets = hidden[:, :-1][keep], inputs[:, 1:][keep]
    owner = torch.repeat_interleave(torch.arange(len(positions), device=lm.device), counts)
    scores = _scores(model, kept, targets, None if logits is None else logits[:, :-1][keep])
    whose = owner.cpu().numpy()
    found = {name: np.bincount(whose, values, len(positions)) for name, values in scores.items()}
    found["end_loss"] = _ends(scores["loss_sum"], counts.cpu().numpy(), tokenised, positions, lm)
    if wanted.gradient:
        parts = zip(kept.split(counts.tolist()), targets.split(counts.tolist()), strict=True)
        found["gradient_norm"] = np.array([_gradient_norm(model, each, aims) for each, aims in parts])
    lengths = torch.as_tensor(tokenised.lengths[positions], device=lm.device)
    return found | {name: _pooled(hidden, lengths, name) for name in wanted.poolings}


def _states(model: Any, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Run the model: hidden states after its last norm, and logits where they are not a plain product."""
    if has_plain_head(model):
        return last_hidden(model, inputs), None
    out = model(input_ids=inputs, use_cache=False, output_hidden_states=True)
    return out.hidden_states[-1], out.logits


def _scores(
    model: Any, hidden: torch.Tensor, targets: torch.Tensor, logits: torch.Tensor | None
) -> dict[str, Float[np.ndarray, " label"]]:
    """Score every label token, in pieces when the vocabulary is large."""
    head = model.get_output_embeddings()
    size = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
    pieces = []
    for begin in range(0, len(targets), size):
        part = slice(begin, begin + size)
        scored = (head(hidden[part]) if logits is None else logits[part]).float()
        gold = scored.gather(1, targets[part, None])
        total = scored.logsumexp(dim=1, keepdim=True)
        rank = (1 + (scored > gold).sum(dim=1, keepdim=True)).clamp(max=RANK_LIMIT)
        best = scored.amax(dim=1, keepdim=True)
        loss = (total - gold).clamp(min=0)
        pieces.append(torch.cat([loss, (gold - total).exp(), (best - total).exp(), rank.float()], dim=1))
    table = torch.cat(pieces) if pieces else hidden.new_zeros((0, len(SUMS)), dtype=torch.float32)
    return dict(zip(SUMS, table.double().cpu().numpy().T, strict=True))


def _ends(
    losses: Float[np.ndarray, " label"],
    counts: Int[np.ndarray, " place"],
    tokenised: TokenisedRows,
    positions: Int[np.ndarray, " place"],
    lm: LanguageModel,
) -> Float[np.ndarray, " place"]:
    """Take the loss of each row's last label where it is the end-of-text token."""
    last = np.cumsum(counts) - 1
    ended = (counts > 0) & ends(tokenised, lm)[positions]
    return (
        np.where(ended, losses[np.maximum(last, 0)], np.nan) if len(losses) else np.full(len(counts), np.nan)
    )


def ends(tokenised: TokenisedRows, lm: LanguageModel) -> np.ndarray:
    """Say of every row whether its last token is the end-of-text token and carries loss."""
    if not len(tokenised.ids):
        return np.zeros(len(tokenised), dtype=bool)
    last = tokenised.ids[np.maximum(tokenised.offsets[1:] - 1, 0)]
    return (last == lm.tokenizer.eos_token_id) & (tokenised.labels > 0)


def _gradient_norm(model: Any, hidden: torch.Tensor, targets: torch.Tensor) -> float:
    """Norm of the gradient of one row's mean loss by the weights of the output layer."""
    if not len(targets):
        return 0.0
    head = model.get_output_embeddings()
    off = head(hidden).float().softmax(dim=1)
    off[torch.arange(len(targets)), targets] -= 1
    states = hidden.float()
    squared = ((off @ off.T) * (states @ states.T)).sum()
    return float(squared.clamp(min=0).sqrt()) / len(targets)


def _pooled(
    hidden: Float[torch.Tensor, "row token width"], lengths: Int[torch.Tensor, " row"], pooling: str
) -> Float[np.ndarray, "row width"]:
    """Make one vector of the hidden states of a row; padding does not count."""
    places = torch.arange(hidden.shape[1], device=hidden.device)[None]
    if pooling == "last":
        weights = (places == lengths[:, None] - 1).float()
    else:
        weights = (places < lengths[:, None]) * (1.0 + places * (pooling == "weighted"))
    weights = weights / weights.sum(dim=1, keepdim=True)
    return torch.einsum("rt,rtw->rw", weights, hidden.float()).cpu().numpy()


def bare_rows(lm: LanguageModel, tokenised: TokenisedRows) -> TokenisedRows:
    """Give the answers alone: the same tokens behind the tokenizer's own start token, if it has one."""
    prefix = np.asarray(own_prefix(lm.tokenizer), dtype=np.int32)
    rows = []
    for row in tokenised:
        ids = np.concatenate([prefix, row.ids[row.start :]]) if row.start < len(row.ids) else prefix[:0]
        rows.append(TokenisedRow(row.row_id, ids, min(len(prefix), len(ids)), row.truncated))
    return flat_rows(rows, tokenised.max_length)
