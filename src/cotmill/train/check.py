"""How well the model does, on the way, on rows that are not trained on: loss, and answers to a few questions.

Both are measured without noise of any kind, whatever the training does to its own inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cotmill.core.errors import DataError
from cotmill.core.ids import order_keys
from cotmill.data.pool import Pool
from cotmill.model.generate import generate
from cotmill.model.load import LanguageModel
from cotmill.model.loss import token_losses
from cotmill.model.tokenise import TokenisedRows, tokenise, tokenise_prompts
from cotmill.train.config import TrainConfig
from cotmill.verify import Verdict, judge_answer

ROOM = 1.5
"""Room for an answer, in lengths of the longest solution among the held-out rows."""


def clean_check(
    lm: LanguageModel, held_out: Pool, config: TrainConfig
) -> Callable[[int, Any], dict[str, float]]:
    """Make the function that measures a model at a step."""
    rows = tokenise(lm.tokenizer, held_out, max_length=config.max_length or lm.max_length, form=config.form)
    asked = _asked(held_out, config.eval_answers)

    def check(_: int, model: Any) -> dict[str, float]:
        now = LanguageModel(model, lm.tokenizer, lm.name, "")
        found = {"held_out_loss": float(token_losses(now, rows).values.mean(dtype="float64"))}
        return found if asked is None else {**found, "held_out_accuracy": _accuracy(now, asked, rows, config)}

    return check


def _asked(held_out: Pool, count: int) -> Pool | None:
    """Choose the questions that are asked, by hash among those with an answer; None if none are wanted."""
    if not count:
        return None
    known = [row["row_id"] for row in held_out.rows() if row["gold"] is not None]
    if not known:
        raise DataError("no held-out row has a gold answer, so none can be checked; set eval_answers to 0")
    order = np.argsort(order_keys(0, known), kind="stable")[:count]
    return held_out.take([known[place] for place in order])


def _accuracy(lm: LanguageModel, asked: Pool, rows: TokenisedRows, config: TrainConfig) -> float:
    """Answer the questions greedily and count the right ones."""
    longest = int(ROOM * int(rows.labels.max()))
    prompts = tokenise_prompts(lm.tokenizer, asked, form=config.form)
    written = generate(lm, prompts, max_new_tokens=longest)
    pairs = zip(asked.column("gold").to_pylist(), written, strict=True)
    right = [judge_answer(gold, answer.text).verdict is Verdict.CORRECT for gold, answer in pairs]
    return sum(right) / len(right)
