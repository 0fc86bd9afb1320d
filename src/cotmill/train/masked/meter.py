"""What a masked training logs: ratio, realised share, loss after clean and after noised inputs.

The losses of single tokens come from whatever the trainer computes anyway: the log-probabilities of TRL's
fused head, or the label losses of cotmill's own head; for a plain transformers model they are worked out from
the logits, at the steps that are logged only. Sums stay on the device until a step is logged.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch.nn import functional

from cotmill.model.batches import IGNORED
from cotmill.model.head import LOGITS_AT_ONCE, without_adapters
from cotmill.train.masked.where import Chosen

LABEL_LOSSES = "label_losses"
"""Attribute under which cotmill's own head leaves the losses of its labels."""


class Meter:
    """Sums over the micro-batches since the last log."""

    def __init__(self) -> None:
        """Start empty."""
        self.sums: torch.Tensor | None = None
        self.ratio = 0.0

    def add(self, chosen: Chosen, labels: torch.Tensor, losses: torch.Tensor | None, ratio: float) -> None:
        """Add a batch; `losses` of its labels, line by line."""
        self.ratio = ratio
        keep = labels[:, 1:] != IGNORED
        after = chosen.noised[:, :-1][keep]
        if losses is None or len(losses) != len(after):
            losses = torch.full(after.shape, torch.nan, device=after.device)
        losses = losses.detach().float()
        parts = torch.stack(
            [
                chosen.eligible.sum().float(),
                chosen.noised.sum().float(),
                (~after).sum().float(),
                torch.where(after, 0.0, losses).sum(),
                after.sum().float(),
                torch.where(after, losses, 0.0).sum(),
            ]
        )
        self.sums = parts if self.sums is None else self.sums + parts

    def read(self, accelerator: Any) -> dict[str, float]:
        """Give the means since the last log, over all processes, and start anew."""
        if self.sums is None:
            return {}
        sums = self.sums if accelerator.num_processes == 1 else accelerator.reduce(self.sums, "sum")
        eligible, noised, clean, clean_loss, after, after_loss = sums.tolist()
        self.sums = None
        found = {"mask_ratio": self.ratio, "noised_share": noised / max(eligible, 1.0)}
        if clean and clean_loss == clean_loss:
            found["loss_clean_input"] = clean_loss / clean
        if after and after_loss == after_loss:
            found["loss_noised_input"] = after_loss / after
        return found


class Tap:
    """Catches the losses of single labels as a model gives them."""

    def __init__(self, model: Any, labels: torch.Tensor, *, from_logits: bool) -> None:
        """Name the model and the labels of the batch."""
        self.model, self.labels, self.from_logits = model, labels, from_logits
        self.losses: Float[torch.Tensor, " label"] | None = None

    def __enter__(self) -> Tap:
        """Listen to the model."""
        self.handle = self.model.register_forward_hook(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening, and take what cotmill's own head left."""
        self.handle.remove()
        inner = without_adapters(getattr(self.model, "module", self.model))
        left = getattr(inner, LABEL_LOSSES, None)
        if left is not None:
            self.losses = left
            setattr(inner, LABEL_LOSSES, None)

    def _hear(self, _: Any, __: Any, output: Any) -> None:
        """Take the losses out of what the model returned."""
        keep = self.labels[:, 1:] != IGNORED
        found = getattr(output, "log_probs", None)
        if found is not None and found.shape == keep.shape:
            self.losses = -found.detach()[keep]
        elif self.from_logits and getattr(output, "logits", None) is not None:
            self.losses = _from_logits(output.logits.detach()[:, :-1], self.labels[:, 1:], keep)


def _from_logits(
    logits: torch.Tensor, targets: torch.Tensor, keep: Bool[torch.Tensor, "row position"]
) -> Float[torch.Tensor, " label"]:
    """Work out the losses, a few places at a time."""
    size = max(1, LOGITS_AT_ONCE // logits.shape[-1])
    parts = zip(logits[keep].split(size), targets[keep].split(size), strict=True)
    losses = [functional.cross_entropy(part.float(), aims, reduction="none") for part, aims in parts]
    return torch.cat(losses) if losses else torch.zeros(0, device=logits.device)
