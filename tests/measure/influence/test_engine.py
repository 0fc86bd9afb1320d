"""The engine against dense gradients and an exact inverse in double precision, and against itself."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from cotmill.core.errors import EvidenceError, ModelError
from cotmill.measure.influence.config import FactorConfig, NewtonConfig
from cotmill.measure.influence.directions import group_gradients, preconditioned
from cotmill.measure.influence.factors import Squares, factor_rows, fit_factors
from cotmill.measure.influence.forward import calibrated, token_differences, token_slopes
from cotmill.measure.influence.modules import tracked_modules
from cotmill.measure.influence.newton import GaussNewton, refine
from cotmill.measure.influence.scores import position_scores, score_rows
from cotmill.measure.influence.sweep import on_sampled, sweep
from cotmill.model.load import LanguageModel

GROUPS = np.array([0, 0, 0, 1, 1, 1, 1, 1])
WEIGHTS = np.array([1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.0]) / 3
CLOSE = {"rtol": 2e-4, "atol": 1e-5}
"""Float32 against float64 on gradients of size one."""


def flat(dense, directions) -> torch.Tensor:
    return torch.cat([directions.layers[one.name].flatten(1) for one in dense.tracked], 1).double()


@pytest.fixture(scope="module")
def gradients(lm, queries, tracked):
    return group_gradients(lm, queries, tracked, GROUPS, WEIGHTS)[0]


@pytest.fixture(scope="module")
def factors(lm, rows, tracked, tmp_path_factory):
    return fit_factors(lm, rows, tracked, FactorConfig(), tmp_path_factory.mktemp("factors"))


def test_group_gradients_are_weighted_sums_of_dense_gradients(dense, queries, gradients):
    expected = torch.zeros(2, flat(dense, gradients).shape[1], dtype=torch.float64)
    for place in np.flatnonzero(queries.labels).tolist():
        expected[GROUPS[place]] += WEIGHTS[place] * dense.gradient(queries, place)
    torch.testing.assert_close(flat(dense, gradients), expected, **CLOSE)


def test_scores_and_norms_are_those_of_dense_gradients(lm, dense, rows, tracked, gradients):
    found = score_rows(lm, rows, tracked, gradients)
    one = score_rows(lm, rows, tracked, gradients.one(1), norms=False)
    usable = np.flatnonzero(rows.labels).tolist()
    each = torch.stack([dense.gradient(rows, place) for place in usable])
    expected = (each @ flat(dense, gradients).T).numpy()
    np.testing.assert_allclose(found.values[usable], expected, **CLOSE)
    np.testing.assert_allclose(one.values[usable, 0], expected[:, 1], **CLOSE)
    np.testing.assert_allclose(found.norms[usable], each.norm(dim=1).numpy(), **CLOSE)
    assert np.isnan(found.values[-1]).all()
    assert np.isnan([found.losses[-1], found.norms[-1]]).all()


def test_forward_mode_and_differences_and_positions_sum_to_the_same_scores(lm, rows, tracked, gradients):
    exact = score_rows(lm, rows, tracked, gradients).values[:-1]
    usable = slice(0, len(rows) - 1)
    slopes = token_slopes(lm, rows, tracked, gradients)
    np.testing.assert_allclose([part.sum(1) for part in slopes][usable], exact, **CLOSE)
    assert [part.shape[1] for part in slopes] == rows.labels.tolist()
    shares = position_scores(lm, rows, tracked, gradients)
    np.testing.assert_allclose([part.sum(1) for part in shares][usable], exact, **CLOSE)
    before = {name: part.clone() for name, part in lm.model.named_parameters()}
    radius = calibrated(lm, rows, tracked, gradients)
    assert radius.agreement >= 0.99
    moved = token_differences(lm, rows, tracked, gradients, radius=radius.radius)
    sums = np.array([part.sum(1) for part in moved])[usable]
    assert spearmanr(sums[:, 0], exact[:, 0]).statistic > 0.99
    assert all(torch.equal(part, before[name]) for name, part in lm.model.named_parameters())


def test_differences_that_agree_too_little_are_refused(lm, rows, tracked, gradients):
    with pytest.raises(EvidenceError, match=r"at most .* Use the route backward"):
        calibrated(lm, rows, tracked, gradients, radii=(1e-9,))


def test_the_gauss_newton_product_is_that_of_the_dense_matrix(lm, dense, rows, tracked, gradients):
    matrix = dense.gauss_newton(rows)
    product = GaussNewton(lm, rows, tracked, dict.fromkeys((one.name for one in tracked), 0.0))
    expected = flat(dense, gradients.one(0)) @ matrix
    torch.testing.assert_close(flat(dense, product(gradients.one(0))), expected, rtol=1e-3, atol=1e-4)


def test_conjugate_gradients_reach_the_exact_damped_inverse(lm, dense, rows, tracked, gradients, factors):
    config = NewtonConfig(iterations=200, rows=1000, tolerance=1e-3)
    refined = refine(lm, rows, tracked, gradients, factors, config=config)
    extra = torch.cat(
        [
            torch.full((one.size,), 0.1 * float(factors.layer(one, lm.device)["values"].double().mean()))
            for one in tracked
        ]
    )
    exact = torch.linalg.solve(dense.gauss_newton(rows) + torch.diag(extra), flat(dense, gradients).T).T
    found = flat(dense, refined.directions)
    assert torch.nn.functional.cosine_similarity(found, exact).min() > 0.9999
    assert all(seen[-1] < seen[0] for seen in refined.residuals)
    start = flat(dense, preconditioned(gradients, tracked, factors))
    assert torch.nn.functional.cosine_similarity(start, exact).min() > 0.5


def test_ekfac_values_are_mean_squares_of_rotated_gradients_of_sampled_labels(lm, rows, tracked, factors):
    kept = []

    class Keep(Squares):
        def layer(self, batch, layer, inputs, gradients):  # noqa: ARG002
            kept.append((layer.name, gradients.transpose(1, 2) @ inputs))

    sweep(lm, rows, tracked, Keep({}), gradient=on_sampled(lm, 0), batch_tokens=1)
    for one in tracked:
        layer = factors.layer(one, lm.device)
        each = torch.cat([formed for name, formed in kept if name == one.name])
        assert len(each) == factors.rows == 18
        rotated = layer["basis_out"].T @ each @ layer["basis_in"]
        torch.testing.assert_close(layer["values"], rotated.square().mean(0), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("curvature", ["identity", "diagonal", "kfac", "ekfac"])
def test_every_curvature_gives_the_same_on_other_batches_orders_and_blocks(
    lm, rows, tracked, gradients, tmp_path, curvature
):
    config = FactorConfig(curvature=curvature)
    whole = fit_factors(lm, rows, tracked, config, tmp_path / "a", batch_tokens=10_000)
    turned = rows.take(np.arange(len(rows))[::-1])
    tiny = FactorConfig(curvature=curvature, gigabytes=1e-9)
    pieces = fit_factors(lm, turned, tracked, tiny, tmp_path / "b", batch_tokens=1)
    assert whole.folder.name == pieces.folder.name
    first, second = (preconditioned(gradients, tracked, one) for one in (whole, pieces))
    scores = score_rows(lm, rows, tracked, first, batch_tokens=10_000).values
    others = score_rows(lm, turned, tracked, second, batch_tokens=1).values[::-1]
    # Bases of nearly equal eigenvalues may turn; the direction, not the basis, has to be the same.
    np.testing.assert_allclose(scores, others, rtol=2e-3, atol=2e-3 * np.nanmax(np.abs(scores)))


def test_factors_are_found_again_and_a_lost_layer_is_measured_again(lm, rows, tracked, tmp_path, monkeypatch):
    made = fit_factors(lm, rows, tracked, FactorConfig(), tmp_path)
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    next(made.folder.glob("*.safetensors")).unlink()
    fit_factors(lm, rows, tracked, FactorConfig(), tmp_path)
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before
    monkeypatch.setattr("cotmill.measure.influence.factors.sweep", None)
    assert fit_factors(lm, rows, tracked, FactorConfig(), tmp_path) == made


def test_a_budget_of_tokens_takes_rows_by_hash(rows):
    some = factor_rows(rows, FactorConfig(tokens=60))
    more = factor_rows(rows, FactorConfig(tokens=90))
    assert some.lengths.sum() <= 60 < more.lengths.sum() <= 90
    assert set(some.row_ids) < set(more.row_ids)
    assert len(factor_rows(rows, FactorConfig())) == len(rows) - 1


def test_layers_with_one_input_share_it_and_unknown_kinds_are_refused(lm):
    found = tracked_modules(lm, "all")
    assert len(found) > len(tracked_modules(lm)) >= 4
    shared = [one for one in found if one.shares != one.name]
    assert bool(shared) == (lm.name == "tiny-llama")
    with pytest.raises(ModelError, match="adapters that are not merged"):
        tracked_modules(lm, "lora")


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_adapters_are_tracked_where_there_are_some(lm, rows):
    if lm.name != "tiny-llama":
        return
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(copy.deepcopy(lm.model), LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    adapted = LanguageModel(model, lm.tokenizer, "adapted", "adapted")
    found = tracked_modules(adapted, "lora")
    assert len(found) == 8
    gradients, _ = group_gradients(adapted, rows, found, np.zeros(len(rows), int), np.ones(len(rows)))
    scores = score_rows(adapted, rows, found, gradients)
    total = float(np.nansum(scores.values))
    assert total == pytest.approx(float(gradients.norms()[0]) ** 2, rel=1e-3)
