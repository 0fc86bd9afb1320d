"""One pass over a pool for everything that a forward pass can tell, held against plain torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cotmill.core.errors import EvidenceError
from cotmill.evidence import Embeddings, Evidence, Losses, Readings
from cotmill.evidence.parts import PARTS
from cotmill.measure.forward import measure_forward
from cotmill.measure.losses import measure_losses
from cotmill.model.readings import Wanted, read_rows
from cotmill.model.tokenise import tokenise


@pytest.fixture(scope="module")
def found(lm, pool):
    return measure_forward(lm, pool, parts=PARTS)


def plain(lm, row):
    """Everything by the definitions, for one row, with a backward pass."""
    ids = torch.as_tensor(row.ids[None].astype(np.int64))
    out = lm.model(input_ids=ids, output_hidden_states=True)
    first = max(row.start, 1)
    targets = ids[0, first:]
    logits = out.logits[0, first - 1 : -1]
    log_p = logits.log_softmax(dim=1)
    gold = log_p.gather(1, targets[:, None])[:, 0]
    ranks = torch.tensor([int((one > one[aim]).sum()) + 1 for one, aim in zip(logits, targets, strict=True)])
    lm.model.zero_grad()
    (-gold.mean()).backward()
    slope = lm.model.get_output_embeddings().weight.grad.norm()
    lm.model.zero_grad()
    gold, log_p = gold.detach(), log_p.detach()
    hidden = out.hidden_states[-1][0].detach()
    steps = torch.arange(1, len(hidden) + 1)[:, None]
    return {
        "loss_sum": float(-gold.sum()),
        "confidence_sum": float(gold.exp().sum()),
        "top_sum": float(log_p.exp().amax(dim=1).sum()),
        "rank_sum": float(ranks.clamp(max=100).sum()),
        "end_loss": float(-gold[-1]),
        "gradient_norm": float(slope),
        "mean": hidden.mean(dim=0).numpy(),
        "last": hidden[-1].numpy(),
        "weighted": ((hidden * steps).sum(dim=0) / steps.sum()).numpy(),
    }


def test_every_number_is_that_of_its_definition(lm, pool, found):
    readings = found["readings.parquet"]
    rows = tokenise(lm.tokenizer, pool, max_length=96)
    for place in (0, 3, 67):
        expected = plain(lm, rows.row(place))
        for name in ("loss_sum", "confidence_sum", "top_sum", "rank_sum", "end_loss", "gradient_norm"):
            np.testing.assert_allclose(
                getattr(readings, name)[place], expected[name], rtol=1e-4, err_msg=name
            )
        for pooling in ("mean", "last", "weighted"):
            vectors = found[f"embeddings-{pooling}.parquet"].vectors
            np.testing.assert_allclose(vectors[place], expected[pooling], atol=1e-5, err_msg=pooling)


def test_the_answer_alone_is_scored_without_its_question(lm, pool, found):
    readings = found["readings.parquet"]
    row = tokenise(lm.tokenizer, pool, max_length=96).row(5)
    alone = torch.as_tensor(row.ids[None, row.start :].astype(np.int64))
    with torch.inference_mode():
        log_p = lm.model(input_ids=alone).logits[0, :-1].log_softmax(dim=1)
    loss = -log_p.gather(1, alone[0, 1:, None]).sum()
    assert readings.bare_tokens[5] == alone.shape[1] - 1
    np.testing.assert_allclose(readings.bare_loss_sum[5], float(loss), rtol=1e-4)


def test_losses_of_a_forward_pass_are_the_measured_losses(lm, pool, found):
    ours, theirs = found["readings.parquet"].to(Losses), measure_losses(lm, pool)
    np.testing.assert_allclose(ours.loss_sum, theirs.loss_sum, rtol=1e-5)
    np.testing.assert_allclose(ours.end_loss, theirs.end_loss, rtol=1e-4)
    assert np.isnan(theirs.end_loss[theirs.truncated | theirs.unmeasured]).all()
    assert (theirs.end_loss[theirs.tokens > 0] <= theirs.loss_sum[theirs.tokens > 0])[:60].all()
    means = theirs.mean_without_end[:5] * (theirs.tokens[:5] - 1) + theirs.end_loss[:5]
    np.testing.assert_allclose(means, theirs.loss_sum[:5], rtol=1e-5)


def test_the_size_of_a_batch_does_not_matter(lm, pool):
    rows = tokenise(lm.tokenizer, pool, max_length=96)
    wanted = Wanted(("mean",), gradient=True)
    small, large = (read_rows(lm, rows, wanted, batch_tokens=tokens) for tokens in (100, 10_000))
    for name, values in small.items():
        np.testing.assert_allclose(values, large[name], rtol=1e-3, atol=1e-5)


def test_rows_without_an_answer_are_flagged_and_still_have_an_embedding(found):
    readings = found["readings.parquet"]
    assert np.flatnonzero(readings.unmeasured).tolist() == [9, 68]
    assert np.isnan(readings.confidence_sum[[9, 68]]).all()
    assert np.isfinite(found["embeddings-mean.parquet"].vectors).all()


def test_an_interrupted_pass_goes_on_and_its_files_are_read_back(lm, pool, tmp_path):
    whole = measure_forward(lm, pool, parts=PARTS, work=tmp_path / "work")
    (tmp_path / "work" / "shard-000001.parquet").unlink()
    again = measure_forward(lm, pool, parts=PARTS, work=tmp_path / "work")
    for name, evidence in again.items():
        assert evidence.fingerprint == whole[name].fingerprint
        read = Evidence.read(evidence.write(tmp_path / name))
        assert isinstance(read, Readings | Embeddings)
        assert read.fingerprint == evidence.fingerprint


def test_a_part_that_is_not_known_is_named(lm, pool):
    with pytest.raises(EvidenceError, match=r"no part hessian; its parts are readings, bare"):
        measure_forward(lm, pool, parts=["hessian"])
