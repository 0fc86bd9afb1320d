"""The real sets, one module each, and `benchmark`, which finds one by name or makes one of a file.

A new set costs one module that ends in an `Entry`, and one line below.
"""

from __future__ import annotations

from pathlib import Path

from cotmill.evaluate.benchmark import Benchmark, Metric
from cotmill.evaluate.benchmarks.aqua_rat import AQUA_RAT
from cotmill.evaluate.benchmarks.deepmind_mathematics import DEEPMIND_MATHEMATICS
from cotmill.evaluate.benchmarks.entry import Entry
from cotmill.evaluate.benchmarks.find import data_root, find
from cotmill.evaluate.benchmarks.gsm8k import GSM8K
from cotmill.evaluate.benchmarks.gsm8k_backward import GSM8K_BACKWARD
from cotmill.evaluate.benchmarks.gsm8k_distractors import GSM8K_DISTRACTORS
from cotmill.evaluate.benchmarks.gsm_hard import GSM_HARD
from cotmill.evaluate.benchmarks.gsm_ic import GSM_IC
from cotmill.evaluate.benchmarks.gsm_plus import GSM_PLUS
from cotmill.evaluate.benchmarks.imo_answerbench import IMO_ANSWERBENCH
from cotmill.evaluate.benchmarks.math_form import MATH
from cotmill.evaluate.benchmarks.mgsm import MGSM
from cotmill.evaluate.benchmarks.svamp import SVAMP
from cotmill.evaluate.benchmarks.theoremqa_self import THEOREMQA_SELF

BENCHMARKS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        GSM8K,
        GSM_PLUS,
        GSM8K_DISTRACTORS,
        GSM_IC,
        SVAMP,
        AQUA_RAT,
        MGSM,
        GSM_HARD,
        GSM8K_BACKWARD,
        DEEPMIND_MATHEMATICS,
        MATH,
        IMO_ANSWERBENCH,
        THEOREMQA_SELF,
    )
}


def benchmark(wanted: str | Path, root: Path | None = None, *, metric: Metric | None = None) -> Benchmark:
    """Find a benchmark by name (`gsm8k`, `mgsm:de+fr`, `gsm-ic=PATH`) or make one of a file.

    `metric` says how a file of one's own is judged: answer, or text (against its traces).

    Raises:
        DataError: neither a name nor a path, or the files of the set are not below `root`.
    """
    return find(BENCHMARKS, wanted, root=root, metric=metric)


__all__ = ["BENCHMARKS", "benchmark", "data_root"]
