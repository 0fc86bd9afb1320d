"""Group-LDS of influence scores and baselines, and how well each finds defects, from a Run.

    cotmill run influence_quality --out runs/influence_quality
    python benchmarks/influence_quality.py runs/influence_quality

LDS: over the random halves of the Run, the rank correlation between minus the loss of the 200 solutions (mean
of the trainings of a half) and the sum of the scores of the rows in it. The interval draws halves. AUC: of a
kind of defect against sound rows, low scores first. Scores are of the model that was trained on all rows.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import rankdata, spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer

from cotmill.core.ids import rng_of
from cotmill.data.pool import Pool
from cotmill.evidence import Influence
from cotmill.measure.influence.config import InfluenceConfig, NewtonConfig
from cotmill.measure.influence.measure import measure_influence
from cotmill.model.load import LanguageModel, load
from cotmill.select import Selection

ARM = "a random half"
DRAWS = 1_000


def runs_of(folder: Path) -> list[dict]:
    """Read the cells of a Run."""
    return pq.read_table(folder / "cells.parquet").to_pylist()


def subsets(folder: Path, cells: list[dict], pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Give which rows each half holds, and the loss of the solutions after training on it."""
    chosen: dict[str, np.ndarray] = {}
    losses: dict[str, list[float]] = {}
    for cell in cells:
        if not cell["arm"].startswith(ARM) or not (folder / "steps" / cell["evaluate.solutions"]).is_dir():
            continue
        name = cell["select"]
        if name not in chosen:
            taken = Selection.read(folder / "steps" / name / "selection").row_ids
            chosen[name] = np.isin(pool.ids, taken)
        table = pq.read_table(folder / "steps" / cell["evaluate.solutions"] / "losses.parquet")
        losses.setdefault(name, []).append(float(np.mean(table["loss_sum"].to_numpy())))
    names = sorted(chosen)
    return np.stack([chosen[name] for name in names]), np.array([np.mean(losses[name]) for name in names])


def lds(scores: np.ndarray, chosen: np.ndarray, losses: np.ndarray) -> tuple[float, float, float]:
    """Correlate, with a 95 % interval over halves."""
    foretold = chosen @ np.nan_to_num(scores)
    rng = rng_of(0, "lds")
    drawn = [rng.integers(0, len(losses), len(losses)) for _ in range(DRAWS)]
    values = [spearmanr(foretold[one], -losses[one]).statistic for one in drawn]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(spearmanr(foretold, -losses).statistic), float(low), float(high)


def auc(scores: np.ndarray, bad: np.ndarray, sound: np.ndarray) -> float:
    """Probability that a row with the defect has a lower score than a sound one."""
    values = np.concatenate([scores[bad], scores[sound]])
    ranks = rankdata(-values)
    count = int(bad.sum())
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * int(sound.sum())))


def methods(lm: LanguageModel, pool: Pool, queries: Pool) -> Iterator[tuple[str, np.ndarray]]:
    """Score the rows in every way; higher is more helpful."""
    kinds: dict[str, dict] = {
        "identity (gradient dot product)": {"curvature": "identity"},
        "diagonal": {"curvature": "diagonal"},
        "kfac": {"curvature": "kfac"},
        "ekfac": {},
        "ekfac, damping 0.01": {"damping": 0.01},
        "ekfac, damping 1": {"damping": 1.0},
        "ekfac, all linear layers": {"modules": "all"},
        "ekfac + cg": {"refine": NewtonConfig(iterations=15, rows=512)},
        "ekfac + cg, damping 0.01": {"damping": 0.01, "refine": NewtonConfig(iterations=15, rows=512)},
    }
    with tempfile.TemporaryDirectory() as work:
        for name, told in kinds.items():
            config = InfluenceConfig(parts=1, **told)
            found = measure_influence(lm, pool, queries, config, work=Path(work) / name.replace(" ", "-"))
            yield name, found.score("correct")
            if name.startswith("identity"):
                yield "gradient cosine", found.score("correct", "norm")
                yield from simple(found)
            if name in ("ekfac", "ekfac + cg"):
                yield f"{name}, per token", found.score("correct", "token")
                yield f"{name}, length regressed", found.score("correct", "regressed")
    yield "words in common (TF-IDF)", lexical(pool, queries)


def simple(found: Influence) -> Iterator[tuple[str, np.ndarray]]:
    """Baselines that come with the pass."""
    yield "low loss", -found.loss_sum / np.maximum(found.tokens, 1)
    yield "small gradient", -found.gradient_norm
    yield "length", found.tokens.astype(float)
    yield "chance", rng_of(0, "chance").random(len(found))


def lexical(pool: Pool, queries: Pool) -> np.ndarray:
    """Mean cosine of TF-IDF vectors of question and solution to the queries."""
    texts = [
        [
            f"{q} {t}"
            for q, t in zip(
                rows.column("question").to_pylist(), rows.column("trace").to_pylist(), strict=True
            )
        ]
        for rows in (pool, queries)
    ]
    weights = TfidfVectorizer(token_pattern=r"\S+").fit(texts[0])
    one, other = (weights.transform(part) for part in texts)
    return np.asarray((one @ other.T).mean(axis=1)).ravel()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    told = parser.parse_args()
    from cotmill.model.threads import use_threads

    use_threads(told.threads)
    cells = runs_of(told.run)
    whole = next(cell for cell in cells if not cell["arm"].startswith(ARM))
    step: Callable[[str], Path] = lambda role: told.run / "steps" / whole[role]  # noqa: E731
    labelled = Pool.open(step("data") / "pool")
    defects = np.array([label or "" for label in labelled.column("lab_defect").to_pylist()])
    pool = labelled.without_labels()
    chosen, losses = subsets(told.run, cells, pool)
    lm = load(str(step("train") / "model"))
    solved = Pool.open(step("test.solutions") / "pool")
    kept = ("question", "trace", "gold")
    queries = Pool.from_rows(
        {**{name: row[name] for name in kept}, "group": "correct"} for row in solved.rows()
    )
    kinds = sorted(set(defects) - {"", "none"})
    print(f"{len(losses)} halves of {len(pool)} rows, {len(queries)} queries; LDS [95 %], then AUC by defect")
    print(
        f"{'':34s} {'LDS':>6s} {'low':>6s} {'high':>6s}  " + " ".join(f"{kind[:10]:>10s}" for kind in kinds)
    )
    sound = ~np.isin(defects, kinds)
    for name, scores in methods(lm, pool, queries):
        numbers = " ".join(f"{value:6.3f}" for value in lds(scores, chosen, losses))
        found = " ".join(f"{auc(scores, defects == kind, sound):10.3f}" for kind in kinds)
        print(f"{name:34s} {numbers}  {found}", flush=True)


if __name__ == "__main__":
    main()
