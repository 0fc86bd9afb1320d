"""S2L in its three modes."""

from dataclasses import replace

import numpy as np
import pytest

from cotmill.core.errors import EvidenceError
from cotmill.core.ids import order_keys
from cotmill.select import S2L, Extras, Random
from cotmill.select.curves import Frame, debiased

SHAPES = np.array([[4.0, 3.0, 2.0, 1.0], [4.0, 3.9, 3.8, 3.7], [1.0, 0.5, 0.2, 0.1]])


def curves(rows: int, weights: tuple[int, ...] = (90, 9, 1)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(len(weights)), weights)[np.arange(rows) % sum(weights)]
    return SHAPES[kind] + rng.normal(0, 0.01, (rows, 4)).clip(-0.05, 0.05), kind


def test_a_rare_shape_gets_its_even_share(make_pool, make_trajectories):
    pool = make_pool(1000)
    means, kind = curves(1000)
    selection = S2L(clusters=3)(pool, make_trajectories(pool, means), budget=150, seed=0)
    assert np.bincount(kind[selection.taken]).tolist() == [70, 70, 10]
    random = Random()(pool, budget=150, seed=0)
    assert np.bincount(kind[random.taken], minlength=3)[2] < 6


def test_what_is_random_inside_a_cluster_is_the_lowest_hash(make_pool, make_trajectories):
    pool = make_pool(1000)
    means, kind = curves(1000)
    taken = S2L(clusters=3)(pool, make_trajectories(pool, means), budget=150, seed=8).taken
    keys = order_keys(8, pool.ids)
    for shape in (0, 1):
        assert keys[taken & (kind == shape)].max() < keys[~taken & (kind == shape)].min()


def published_repo_procedure(sources: list[str], clusters: list[str], budget: int) -> dict[str, int]:
    """How many rows the public code takes of each cluster, as docs/select.md describes it, in plain loops.

    Sources from small to large take an even share of what is left. Inside a source, clusters of more
    than two rows do the same from small to large; what then remains goes to the clusters of one or two.
    """
    taken: dict[str, int] = dict.fromkeys(clusters, 0)
    size = {name: sources.count(name) for name in sorted(set(sources))}
    left = budget
    for place, source in enumerate(sorted(size, key=size.__getitem__)):
        share = min(size[source], left // (len(size) - place))
        left -= share
        own = sorted({c for c, s in zip(clusters, sources, strict=True) if s == source})
        for part in ([c for c in own if clusters.count(c) > 2], [c for c in own if clusters.count(c) <= 2]):
            for rank, name in enumerate(sorted(part, key=clusters.count)):
                taken[name] = min(clusters.count(name), share // (len(part) - rank))
                share -= taken[name]
    return taken


@pytest.mark.parametrize("budget", [1, 10, 60, 137, 250, 299, 300])
def test_repo_mode_is_the_published_procedure(make_pool, make_trajectories, budget):
    pool = make_pool(300, sources="aaaaaabbbc")
    rng = np.random.default_rng(0)
    means = rng.gamma(2, 1, (300, 5))
    selection = S2L(mode="repo", clusters=12)(pool, make_trajectories(pool, means), budget=budget, seed=0)
    rows = selection.table.to_pylist()
    clusters = [row["group"] for row in rows]
    sources = pool.column("source").to_pylist()
    assert all(group.startswith(source) for group, source in zip(clusters, sources, strict=True))
    assert min(map(clusters.count, set(clusters))) <= 2, "the case of tiny clusters must occur"
    expected = published_repo_procedure(sources, clusters, budget)
    got = {name: sum(row["taken"] for row in rows if row["group"] == name) for name in expected}

    # Which of two clusters of one size gets the odd row is a matter of their numbering.
    def counts(taken: dict[str, int]) -> list[tuple[str, int, int]]:
        return sorted((name[0], clusters.count(name), number) for name, number in taken.items())

    assert counts(got) == counts(expected)


def test_repo_mode_balances_sources_and_paper_mode_does_not(make_pool, make_trajectories):
    pool = make_pool(500, sources="aaaaaaaaab")
    means, _ = curves(500)
    evidence = make_trajectories(pool, means)
    share = {
        mode: S2L(mode=mode)(pool, evidence, budget=100, seed=0).summary["sources"]["b"]["taken"]
        for mode in ("paper", "repo")
    }
    assert share["repo"] == 50
    assert share["paper"] < 25


def test_cotmill_mode_does_not_cluster_by_length(make_pool, make_trajectories):
    pool = make_pool(2000)
    rng = np.random.default_rng(1)
    tokens = rng.integers(5, 400, 2000)
    means = rng.gamma(4, 0.2, (2000, 1)) * np.array([1.0, 0.8, 0.7]) + 0.8 * np.log(tokens)[:, None]
    evidence = make_trajectories(pool, means, tokens)
    found = {
        mode: S2L(mode=mode)(pool, evidence, budget=100, seed=0).summary["details"]
        for mode in ("paper", "cotmill")
    }
    assert found["paper"]["level_length_correlation"] > 0.8
    assert abs(found["cotmill"]["level_length_correlation"]) < 0.05
    assert found["cotmill"]["length_explained"] < found["paper"]["length_explained"] / 2


def test_debiasing_leaves_constant_checkpoints_and_equal_lengths_alone():
    flat = np.full((50, 2), 3.0, dtype=np.float32)
    keys = order_keys(0, [str(i) for i in range(50)])
    assert np.array_equal(debiased(flat, np.full(50, 7), keys), np.zeros((50, 2), dtype=np.float32))


def test_clusters_are_a_hundred_or_a_row_in_twenty(make_pool, make_trajectories):
    pool = make_pool(200)
    means = np.random.default_rng(0).gamma(2, 1, (200, 3))
    details = S2L()(pool, make_trajectories(pool, means), budget=20, seed=0).summary["details"]
    assert details["clusters"] == 10
    assert len(details["centres"]) == 10
    assert -1 <= details["silhouette"] <= 1


def test_a_pool_without_any_label_tokens_still_meets_its_budget_and_says_so(make_pool, make_trajectories):
    pool = make_pool(10)
    selection = S2L()(
        pool, make_trajectories(pool, np.ones((10, 2)), np.zeros(10, dtype=int)), budget=3, seed=0
    )
    assert len(selection) == selection.summary["unfit_taken"] == 3


def test_level_and_slope_are_the_mean_and_the_fall():
    curves = np.array([[4.0, 3.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0]], dtype=np.float32)
    frame = Frame(level_slope=True).fitted(curves, np.array([5, 9]), order_keys(0, ["a", "b"]))
    np.testing.assert_allclose(frame.features(curves, np.array([5, 9])), [[2.5, -1.0], [1.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"features": "level_slope"}, {"zscore": True}, {"debias": True}, {"start": "random"}, {"checkpoints": 2},
     {"inside": "nearest"}, {"inside": "farthest"}, {"inside": "facility"}],
)  # fmt: skip
def test_every_option_finds_the_shapes_and_draws_them_evenly(make_pool, make_trajectories, options):
    pool = make_pool(300)
    means, kind = curves(300, (20, 9, 1))
    tokens = np.random.default_rng(5).integers(5, 50, 300)
    evidence = make_trajectories(pool, means, tokens)
    selection = S2L(clusters=3, **options)(pool, evidence, budget=60, seed=0)
    assert np.bincount(kind[selection.taken]).tolist() == [25, 25, 10]
    details = selection.summary["details"]
    assert {"stability", "silhouette", "length_purity", "source_purity"} <= details.keys()
    assert len(details["steps"]) == options.get("checkpoints", 4)


def test_near_and_far_rows_of_a_cluster_are_told_apart(make_pool, make_trajectories):
    pool = make_pool(101)
    means = np.linspace(0, 1, 101)[:, None] * np.ones((1, 2))
    taken = {
        rule: np.flatnonzero(
            S2L(clusters=1, inside=rule)(pool, make_trajectories(pool, means), budget=3, seed=0).taken
        )
        for rule in ("nearest", "farthest", "facility")
    }
    assert taken["nearest"].tolist() == [49, 50, 51]
    assert set(taken["farthest"]) < {0, 1, 99, 100}
    assert 50 in taken["facility"]


def test_clusters_can_be_crossed_with_those_of_embeddings(make_pool, make_trajectories, make_embeddings):
    pool = make_pool(400)
    means, kind = curves(400, (10, 10))
    other = np.arange(400) % 8 == 0
    vectors = np.eye(2)[other.astype(int)] + np.random.default_rng(0).normal(0, 0.01, (400, 2))
    method, evidence = S2L(clusters=2, embedding_clusters=2), make_trajectories(pool, means)
    extras = Extras(embeddings=make_embeddings(pool, vectors))
    selection = method(pool, evidence, budget=80, seed=0, extras=extras)
    counts = np.bincount((2 * kind + other)[selection.taken])
    assert counts.tolist() == [20, 20, 20, 20]
    with pytest.raises(EvidenceError, match="needs embeddings beside its evidence"):
        method(pool, evidence, budget=80, seed=0)


def test_the_end_of_text_token_can_be_left_out(make_pool, make_trajectories):
    pool = make_pool(60)
    means = np.ones((60, 2))
    end = np.where(np.arange(60)[:, None] % 2 == 0, 6.0, 1.0) * np.ones((1, 2))
    evidence = replace(make_trajectories(pool, means), end_loss=end)
    found = S2L(clusters=2, count_end=False)(pool, evidence, budget=20, seed=0)
    groups = np.array(found.table["group"].to_pylist())
    assert len(set(groups[::2])) == len(set(groups[1::2])) == 1
    assert groups[0] != groups[1]
    with pytest.raises(EvidenceError, match="end-of-text token apart"):
        S2L(count_end=False)(pool, make_trajectories(pool, means), budget=20, seed=0)
