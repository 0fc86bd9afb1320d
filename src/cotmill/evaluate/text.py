"""How near a text is to a reference: ROUGE-L (Lin 2004), BLEU (Papineni et al. 2002), BERTScore.

ROUGE-L is rouge-score's F measure with stemming, as papers on summarisation report it; BLEU is
sacrebleu's, so that its signature is the published one: sentences with effective order, corpora without.
BERTScore (Zhang et al. 2020, arXiv 1904.09675) is its authors' library, F without rescaling; it needs an
encoder model that the user names, and is computed only then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from cotmill.core.errors import MissingExtra, ModelError, RecipeError

_LAYER = re.compile(r"(?P<model>.+)@(?P<layer>\d{1,3})")
"""MODEL@LAYER: the layer whose states are compared; the library knows it for the usual models."""
NO_LENGTH = 10**6
"""A tokenizer's length beyond this means that none is named."""
RESERVED = 2
"""Positions that RoBERTa keeps for padding."""


@cache
def _rouge() -> Any:
    """Load rouge-score when it is first needed."""
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ModuleNotFoundError as error:
        raise MissingExtra("rouge-score", "text") from error
    return RougeScorer(["rougeL"], use_stemmer=True)


@cache
def _bleu(*, sentence: bool) -> Any:
    """Load sacrebleu when it is first needed."""
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ModuleNotFoundError as error:
        raise MissingExtra("sacrebleu", "text") from error
    return BLEU(effective_order=sentence)


def rouge_l_of(reference: str, text: str) -> float:
    """ROUGE-L F of one text, 0 to 1."""
    return float(_rouge().score(reference, text)["rougeL"].fmeasure)


def bleu_of(reference: str, text: str) -> float:
    """BLEU of one text, 0 to 1."""
    return float(_bleu(sentence=True).sentence_score(text, [reference]).score) / 100


def corpus_bleu(references: Sequence[str], texts: Sequence[str]) -> float:
    """BLEU of a whole set, 0 to 1; not the mean over its texts."""
    return float(_bleu(sentence=False).corpus_score(list(texts), [list(references)]).score) / 100


@cache
def _bert(model: str) -> Any:
    """Load bert-score and its model when they are first needed."""
    try:
        from bert_score import BERTScorer
    except ModuleNotFoundError as error:
        raise MissingExtra("bert-score", "bertscore") from error
    match = _LAYER.fullmatch(model)
    name, layer = (match["model"], int(match["layer"])) if match else (model, None)
    try:
        scorer = BERTScorer(model_type=name, num_layers=layer)
    except KeyError as error:
        raise RecipeError(
            f"BERTScore does not know which layer of {name} to compare; name one: {name}@9"
        ) from error
    except (OSError, ValueError, AssertionError) as error:
        raise ModelError(
            f"{name}: no encoder that BERTScore can use ({error}); name a folder with a saved BERT or "
            "RoBERTa model, or a hub model such as roberta-large"
        ) from error
    _bound(scorer)
    return scorer


def _bound(scorer: Any) -> None:
    """Cut long texts where the encoder ends; a tokenizer that names no length makes the library fail."""
    tokenizer, config = scorer._tokenizer, scorer._model.config
    if tokenizer.model_max_length > NO_LENGTH:
        tokenizer.model_max_length = getattr(config, "max_position_embeddings", RESERVED + 512) - RESERVED


def bertscore_of(references: Sequence[str], texts: Sequence[str], model: str) -> list[float]:
    """BERTScore F of many texts by one model, `NAME` or `NAME@LAYER`; an empty text scores 0."""
    filled = [at for at, pair in enumerate(zip(references, texts, strict=True)) if all(map(str.strip, pair))]
    found = [0.0] * len(texts)
    if filled:
        scores = _bert(model).score([texts[at] for at in filled], [references[at] for at in filled])[2]
        for at, score in zip(filled, scores.tolist(), strict=True):
            found[at] = float(score)
    return found
