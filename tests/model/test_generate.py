"""Answers: those of transformers' own generate, whatever else is in the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from cotmill.core.errors import ModelError
from cotmill.model.cache import can_move, new_cache
from cotmill.model.draw import Draw
from cotmill.model.generate import generate, sample_seed
from cotmill.model.load import LanguageModel, load


@pytest.fixture(scope="module")
def lm(tiny_model):
    loaded = load(str(tiny_model))
    with torch.no_grad():  # so that some rows end early
        loaded.model.get_output_embeddings().weight[3] *= 3
    return loaded


@pytest.fixture(scope="module")
def prompts(lm):
    rng = np.random.default_rng(0)
    return [rng.integers(4, len(lm.tokenizer), size=rng.integers(1, 40)).tolist() for _ in range(23)]


def by_transformers(lm, prompt, tokens):
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        out = lm.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False
        )
    return out[0, len(prompt) :].tolist()


def check_greedy(lm, prompts, **settings):
    ours = generate(lm, prompts, max_new_tokens=12, **settings)
    for prompt, answer in zip(prompts, ours, strict=True):
        theirs = by_transformers(lm, prompt, 12)
        stopped = theirs[-1] == 3
        assert answer.tokens == len(theirs)
        assert answer.finish_reason == ("stop" if stopped else "length")
        assert answer.text == lm.tokenizer.decode(
            theirs[:-1] if stopped else theirs, skip_special_tokens=True
        )


def test_greedy_answers_are_those_of_transformers(lm, prompts):
    check_greedy(lm, prompts)
    reasons = {answer.finish_reason for answer in generate(lm, prompts, max_new_tokens=12)}
    assert reasons == {"stop", "length"}


@pytest.mark.parametrize("size", [1, 4, 7])
def test_rows_may_join_and_leave_the_batch_at_any_time(lm, prompts, size):
    check_greedy(lm, prompts[:12], batch_size=size)


def test_another_family_gives_the_same_answers_too(lm, prompts):
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = GPTNeoXConfig(
        **shape, vocab_size=len(lm.tokenizer), max_position_embeddings=256, initializer_range=0.4,
        pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    check_greedy(
        LanguageModel(GPTNeoXForCausalLM(config).eval(), lm.tokenizer, "neox", ""), prompts, batch_size=6
    )


def test_models_with_sliding_windows_are_run_in_batches_that_end_together(lm, prompts):
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = MistralConfig(
        **shape, vocab_size=len(lm.tokenizer), num_key_value_heads=1, sliding_window=8,
        max_position_embeddings=256, initializer_range=0.4, pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    assert not can_move(new_cache(config))
    check_greedy(
        LanguageModel(MistralForCausalLM(config).eval(), lm.tokenizer, "sw", ""), prompts, batch_size=6
    )


def test_what_is_drawn_for_a_row_depends_on_its_seed_and_not_on_its_neighbours(lm, prompts):
    seeds = [sample_seed(0, f"row{place}") for place in range(len(prompts))]
    settings = {"max_new_tokens": 12, "temperature": 1.0}
    whole = generate(lm, prompts, seeds=seeds, **settings)
    assert generate(lm, prompts, seeds=seeds, batch_size=3, **settings) == whole
    assert generate(lm, prompts[::-1], seeds=seeds[::-1], batch_size=5, **settings) == whole[::-1]
    assert generate(lm, prompts, seeds=1, **settings) != whole


def test_samples_follow_the_models_distribution(lm):
    prompt, draws = [5, 6, 7], 3_000
    with torch.inference_mode():
        wanted = torch.softmax(lm.model(input_ids=torch.tensor([prompt])).logits[0, -1] / 2.0, -1)
    answers = generate(lm, [prompt] * draws, max_new_tokens=1, temperature=2.0, seeds=range(draws))
    likeliest, chance = int(wanted.argmax()), float(wanted.max())
    share = np.mean([answer.text == lm.tokenizer.decode([likeliest]) for answer in answers])
    assert abs(share - chance) < 4 * (chance * (1 - chance) / draws) ** 0.5


@pytest.mark.parametrize(("top_k", "top_p"), [(3, 1.0), (0, 0.3), (5, 0.6)])
def test_the_cut_distribution_is_that_of_transformers(top_k, top_p):
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0)) * 3
    scores = TemperatureLogitsWarper(0.7)(None, logits)
    cuts = [TopKLogitsWarper(top_k)] if top_k else []
    for cut in cuts + ([TopPLogitsWarper(top_p)] if top_p < 1 else []):
        scores = cut(None, scores)
    shares = Draw(0.7, top_k, top_p, [], 1)._shares(logits)
    shares = shares / shares.sum(-1, keepdim=True)
    torch.testing.assert_close(shares.float(), torch.softmax(scores, -1), rtol=1e-5, atol=1e-7)


def test_a_longer_limit_goes_on_where_the_shorter_one_stopped(lm, prompts):
    seeds = list(range(len(prompts)))
    short = generate(lm, prompts, max_new_tokens=5, temperature=1.0, top_k=20, seeds=seeds)
    long = generate(lm, prompts, max_new_tokens=9, temperature=1.0, top_k=20, seeds=seeds)
    assert any(answer.finish_reason == "length" for answer in short)
    for before, after in zip(short, long, strict=True):
        assert after == before if before.finish_reason == "stop" else after.tokens > before.tokens


def test_the_log_probability_is_that_of_the_written_tokens_under_the_model(lm, prompts):
    answers = generate(lm, prompts[:4], max_new_tokens=6, temperature=0.7, top_k=10, logprobs=True, seeds=3)
    greedy = generate(lm, prompts[:1], max_new_tokens=6, logprobs=True)[0]
    written = by_transformers(lm, prompts[0], 6)
    ids = torch.tensor([[*prompts[0], *written]])
    with torch.inference_mode():
        shares = torch.log_softmax(lm.model(input_ids=ids).logits[0], -1)
    wanted = sum(float(shares[len(prompts[0]) - 1 + n, token]) for n, token in enumerate(written))
    assert greedy.logprob == pytest.approx(wanted, abs=1e-4)
    assert all(answer.logprob is not None and answer.logprob < 0 for answer in answers)
    assert generate(lm, prompts[:1], max_new_tokens=2)[0].logprob is None


def test_equal_prompts_are_read_once_and_answered_as_if_alone(lm, prompts):
    many = [prompts[place % 3] for place in range(12)]
    settings = {"max_new_tokens": 8, "temperature": 1.0}
    whole = generate(lm, many, seeds=list(range(12)), **settings)
    alone = [generate(lm, [prompt], seeds=[seed], **settings)[0] for seed, prompt in enumerate(many)]
    assert whole == alone
    assert len(set(whole)) > 6


def test_a_prompt_that_fills_the_model_gets_no_answer_and_an_empty_one_is_refused(lm):
    full = generate(lm, [[5] * lm.max_length, [5]], max_new_tokens=3)
    assert (full[0].text, full[0].tokens, full[0].finish_reason) == ("", 0, "length")
    assert full[1].tokens > 0
    with pytest.raises(ModelError, match="no tokens"):
        generate(lm, [[]], max_new_tokens=3)


def test_answers_do_not_run_over_the_models_positions(lm):
    (answer,) = generate(lm, [[5] * (lm.max_length - 4)], max_new_tokens=50)
    assert answer.tokens <= 4


def test_progress_is_told_for_every_row(lm, prompts):
    done = []
    generate(lm, prompts, max_new_tokens=5, on_done=done.append)
    assert sum(done) == len(prompts)
