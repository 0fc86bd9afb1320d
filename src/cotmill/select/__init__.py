"""Choosing rows: pool + evidence + budget + seed → Selection. No torch here.

    budget.py     rows, percent, tokens
    pick.py       how we draw: every rule is an order of rows, the budget is where it is cut
    limits.py     minima, quotas, near-duplicates that count once; update.py: new rows in old groups
    drawing.py    Drawing: that order and what made it
    protocol.py   Selector; Method, the base that checks evidence and writes the manifest
    selection.py  Selection: the manifest, on disk and in memory
    cover.py      rows that stand for others: facility location, farthest first
    cluster.py    k-means that does not depend on the order of the rows; curves.py: curves as features
    bands.py      which rows of an influence pruning are certain, by bootstrap over queries
    overlap.py    two selections against chance
    the rest      one module per method: what we believe, and which rule draws

A new method is one module with a class derived from Method, one test module, and one line below.
"""

from cotmill.select.bm25 import BM25 as BM25
from cotmill.select.budget import Budget as Budget
from cotmill.select.cartography import Cartography as Cartography
from cotmill.select.confidence_curriculum import ConfidenceCurriculum as ConfidenceCurriculum
from cotmill.select.diverse_evol import DiverseEvol as DiverseEvol
from cotmill.select.embedding_balanced import EmbeddingBalanced as EmbeddingBalanced
from cotmill.select.facility_location import FacilityLocation as FacilityLocation
from cotmill.select.gradient_norm import GradientNorm as GradientNorm
from cotmill.select.ifd import IFD as IFD
from cotmill.select.influence import InfluencePruning as InfluencePruning
from cotmill.select.learnability import HighLearnability as HighLearnability
from cotmill.select.least_confidence import LeastConfidence as LeastConfidence
from cotmill.select.length import Longest as Longest
from cotmill.select.length import Shortest as Shortest
from cotmill.select.length_matched import LengthMatched as LengthMatched
from cotmill.select.limits import Limits as Limits
from cotmill.select.overlap import compare_selections as compare_selections
from cotmill.select.pass_rate import PassRate as PassRate
from cotmill.select.perplexity import PerplexityLow as PerplexityLow
from cotmill.select.perplexity import PerplexityMiddle as PerplexityMiddle
from cotmill.select.perplexity import PerplexityTop as PerplexityTop
from cotmill.select.protocol import Extras as Extras
from cotmill.select.protocol import Method as Method
from cotmill.select.protocol import Selector as Selector
from cotmill.select.random import Random as Random
from cotmill.select.rds_plus import RDSPlus as RDSPlus
from cotmill.select.rsr import RSR as RSR
from cotmill.select.s2l import S2L as S2L
from cotmill.select.scored import Scored as Scored
from cotmill.select.selection import Selection as Selection
from cotmill.select.source_balanced import SourceBalanced as SourceBalanced

SELECTORS: dict[str, type[Method]] = {
    "random": Random,
    "source_balanced": SourceBalanced,
    "length_matched": LengthMatched,
    "longest": Longest,
    "shortest": Shortest,
    "perplexity_top": PerplexityTop,
    "perplexity_middle": PerplexityMiddle,
    "perplexity_low": PerplexityLow,
    "least_confidence": LeastConfidence,
    "gradient_norm": GradientNorm,
    "ifd": IFD,
    "rsr": RSR,
    "high_learnability": HighLearnability,
    "cartography": Cartography,
    "confidence_curriculum": ConfidenceCurriculum,
    "facility_location": FacilityLocation,
    "diverse_evol": DiverseEvol,
    "embedding_balanced": EmbeddingBalanced,
    "rds_plus": RDSPlus,
    "bm25": BM25,
    "pass_rate": PassRate,
    "s2l": S2L,
    "influence": InfluencePruning,
    "scored": Scored,
}
"""Every built-in selector by the name that recipes and the command line use."""
