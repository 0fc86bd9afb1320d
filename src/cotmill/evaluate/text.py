"""How near a text is to a reference: ROUGE-L (Lin 2004) and BLEU (Papineni et al. 2002), from kept libraries.

ROUGE-L is rouge-score's F measure with stemming, as papers on summarisation report it; BLEU is
sacrebleu's, so that its signature is the published one: sentences with effective order, corpora without.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from cotmill.core.errors import MissingExtra


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
