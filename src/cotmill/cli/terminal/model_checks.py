"""Checks of a model that `cotmill doctor --model` makes: the traps that spoil training without an error."""

from __future__ import annotations

from typing import Any

from cotmill.cli.terminal.checks import Check, Verdict
from cotmill.core.errors import DataError, ModelError

QUESTION, TRACE = "Ann has 3 apples and buys 4. How many has she?", "3+4 = <<3+4=7>>7\n#### 7"
DATES = ("strftime_now", "date_string")
"""Names by which templates ask for the day."""
TOLERANCE = 1e-3
"""Nats; float32 sums in another order differ by far less than this, a padding fault by far more."""


def model_checks(name: str) -> list[Check]:
    """Load the model and look at its tokens, its template and its arithmetic.

    Raises:
        ModelError: it cannot be loaded at all.
    """
    from cotmill.model.load import load

    lm = load(name)
    tokenizer = lm.tokenizer
    size = sum(parameter.numel() for parameter in lm.model.parameters())
    told = f"{name}: {size:,} parameters on {lm.device}, rows of at most {lm.max_length} tokens"
    loaded = Check("model", Verdict.GOOD, told)
    return [
        loaded,
        weights(lm),
        vocabulary(lm),
        padding(tokenizer),
        ending(lm),
        *template(tokenizer),
        round_trip(tokenizer),
        padded_loss(lm),
    ]


def weights(lm: Any) -> Check:
    """Are all weights numbers?"""
    import torch

    bad = [name for name, one in lm.model.named_parameters() if not bool(torch.isfinite(one).all())]
    if not bad:
        return Check("weights", Verdict.GOOD, "all are finite numbers")
    said = f"{len(bad)} tensors hold what is no number (first: {bad[0]})"
    return Check("weights", Verdict.WRONG, said, "fetch or train the model again; every loss would be nan")


def vocabulary(lm: Any) -> Check:
    """Has the model a row for every token that its tokenizer can give?"""
    tokens, rows = len(lm.tokenizer), lm.model.get_input_embeddings().num_embeddings
    told = f"{tokens:,} tokens, {rows:,} rows of embeddings"
    if tokens <= rows:
        return Check("vocabulary", Verdict.GOOD, told)
    advice = "model and tokenizer do not belong together; use the tokenizer that came with the model"
    return Check("vocabulary", Verdict.WRONG, told, advice)


def padding(tokenizer: Any) -> Check:
    """Is there a padding token of its own?"""
    if tokenizer.pad_token_id is None:
        return Check(
            "padding token", Verdict.NOTE, "none; the end-of-text token is used, and carries no loss there"
        )
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        said = "is the end-of-text token; where a tool masks padding by token, stopping is never learnt"
        return Check("padding token", Verdict.NOTE, said, "nothing to do here: cotmill masks by position")
    return Check("padding token", Verdict.GOOD, repr(tokenizer.pad_token))


def ending(lm: Any) -> Check:
    """Which tokens end an answer?"""
    words = ", ".join(repr(lm.tokenizer.convert_ids_to_tokens(token)) for token in lm.stop_ids)
    return Check("end of text", Verdict.GOOD, words)


def template(tokenizer: Any) -> list[Check]:
    """Does the chat template keep what is put into it, and does it end where it should?"""
    if not getattr(tokenizer, "chat_template", None):
        return [Check("chat template", Verdict.GOOD, "none: question, line break, solution (the plain form)")]
    from cotmill.model.render import Row, render

    try:
        prompt, full = render(tokenizer, [Row("doctor", QUESTION, TRACE)], "chat")[0]
    except (ModelError, DataError) as error:
        return [Check("chat template", Verdict.WRONG, str(error), "use form: plain")]
    found = [Check("chat template", Verdict.GOOD, f"renders; the prompt ends in {prompt[-24:]!r}")]
    found += _template_traps(tokenizer, full)
    if not full.startswith(prompt):
        said = "the prompt is not the start of prompt and answer; the loss begins where their tokens differ"
        found.append(Check("template prefix", Verdict.NOTE, said))
    twice = tokenizer(full)["input_ids"]
    if tokenizer.bos_token_id is not None and twice[:2] == [tokenizer.bos_token_id] * 2:
        said = "rendering to text and tokenising it again gives two begin-of-text tokens"
        found.append(
            Check("template begin", Verdict.NOTE, said, "nothing to do here; beware of it in other tools")
        )
    return found


THOUGHT = f"<think>\n3 and 4 make 7.\n</think>\n\n{TRACE}"


def _template_traps(tokenizer: Any, full: str) -> list[Check]:
    """Find what templates do to answers unsaid: cut thoughts out, leave out the end, add the date."""
    found = []
    if not _survives(tokenizer, THOUGHT):
        said = "cuts <think> … </think> out of answers; a model would not learn to think aloud"
        found.append(Check("template thoughts", Verdict.NOTE, said, "use form: plain for such traces"))
    if not full.rstrip().endswith(tuple(filter(None, [tokenizer.eos_token, "<|im_end|>", "<|eot_id|>"]))):
        said = f"the answer ends in {full[-12:]!r}, not in the end-of-text token; stopping may not be learnt"
        found.append(
            Check("template end", Verdict.NOTE, said, "look at the last tokens before a long training")
        )
    if any(name in str(tokenizer.chat_template) for name in DATES):
        said = "writes today's date: the same rows give other tokens tomorrow"
        found.append(
            Check("template date", Verdict.NOTE, said, "fix the date in the template, or use form: plain")
        )
    return found


def _survives(tokenizer: Any, trace: str) -> bool:
    """Say whether the template keeps an answer as it is."""
    from cotmill.model.render import Row, render

    try:
        return trace in render(tokenizer, [Row("doctor", QUESTION, trace)], "chat")[0].full
    except DataError:
        return False


def round_trip(tokenizer: Any) -> Check:
    """Do tokens give back the text, digits and calculator marks included?"""
    again = tokenizer.decode(tokenizer(TRACE, add_special_tokens=False)["input_ids"])
    if again.strip() == TRACE:
        return Check("tokens", Verdict.GOOD, "text survives tokenising")
    return Check("tokens", Verdict.NOTE, f"{TRACE!r} comes back as {again!r}; answers may be judged wrong")


def padded_loss(lm: Any) -> Check:
    """Is a row's loss the same alone and beside a longer row? If not, no loss can be trusted."""
    alone, padded = _loss(lm, 0), _loss(lm, 37)
    told = f"{alone:.6f} alone, {padded:.6f} with 37 padding tokens"
    if abs(alone - padded) < TOLERANCE or lm.model.dtype.itemsize < 4:
        return Check("loss under padding", Verdict.GOOD, told)
    advice = "measure with batch size 1, or use another attention implementation of this model"
    return Check("loss under padding", Verdict.WRONG, told, advice)


def _loss(lm: Any, padding: int) -> float:
    """Give the mean loss of one row with some padding behind it."""
    import torch

    ids = lm.tokenizer(f"{QUESTION}\n{TRACE}", add_special_tokens=False)["input_ids"]
    pad = lm.tokenizer.pad_token_id
    filler = [lm.tokenizer.eos_token_id if pad is None else pad] * padding
    inputs = torch.tensor([ids + filler], device=lm.device)
    mask = torch.tensor([[1] * len(ids) + [0] * padding], device=lm.device)
    with torch.inference_mode():
        logits = lm.model(input_ids=inputs, attention_mask=mask).logits[0, : len(ids) - 1].float()
    return float(torch.nn.functional.cross_entropy(logits, inputs[0, 1 : len(ids)]))
