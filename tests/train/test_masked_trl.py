"""One import gives masked thought to trainers of TRL and transformers, however they lay out their batches."""

from __future__ import annotations

import json

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainingArguments,
)
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from cotmill.core.errors import DataError, ModelError, RecipeError
from cotmill.model.batches import IGNORED
from cotmill.model.generate import generate
from cotmill.model.load import LanguageModel, load
from cotmill.train import masked_thought

ROWS = [
    {
        "prompt": f"Ann buys {n} pens. How many has she?\n",
        "completion": f"{n}+{n}={2 * n}\n" * (1 + n % 3) + f"#### {2 * n}",
    }
    for n in range(24)
]
LAYOUTS = {
    "padded": {},
    "bfd": {"packing": True},
    "wrapped": {"packing": True, "packing_strategy": "wrapped", "max_length": 23},
    "padding-free": {"padding_free": True, "max_length": None},
}
PLAIN_ARGUMENTS = {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "no"}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    # TRL warns that flash attention is better for packing; the layouts are what is tested here.
    monkeypatch.setenv("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


def trl_trainer(base, tmp_path, rows=ROWS, peft=None, **told):
    told = {"max_length": 128, "max_steps": 2, "per_device_train_batch_size": 4, **told}
    told = {**PLAIN_ARGUMENTS, "bf16": False, "logging_steps": 1, "activation_checkpointing": False, **told}
    arguments = SFTConfig(output_dir=str(tmp_path / "trl"), **told)
    return SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=peft,
    )


def read_by_model(trainer) -> list[torch.Tensor]:
    """Note, while training, the ids that reach the embedding."""
    seen = []
    layer = trainer.model.get_input_embeddings()
    handle = layer.register_forward_pre_hook(lambda _, told: seen.append(told[0].clone()))
    trainer.train()
    handle.remove()
    return seen


def rows_read(trainer) -> set[str]:
    """Train, and give the text of every row as it was read."""
    decode = trainer.processing_class.decode
    lines = [decode(ids).replace("<pad>", "") for batch in read_by_model(trainer) for ids in batch]
    return {row for line in lines for row in line.replace("Ann", "\0Ann").split("\0") if row}


@pytest.fixture(scope="module")
def epoch_of(base, tmp_path_factory):
    """Train for one epoch in a layout, with a number of workers, and give the rows as they were read."""
    done = {}

    def once(layout, workers=0):
        if (layout, workers) not in done:
            told = {"max_steps": -1, "num_train_epochs": 1, "dataloader_num_workers": workers}
            trainer = trl_trainer(base, tmp_path_factory.mktemp("o"), **{**told, **LAYOUTS[layout]})
            masked_thought(trainer, ratio=0.4, schedule="constant", end=False, seed=5)
            done[layout, workers] = rows_read(trainer)
        return done[layout, workers]

    return once


def masks_by_row(trainer):
    """Collect, for every row of an epoch, which of its labelled tokens are noised."""
    found = {}
    for batch in trainer.get_train_dataloader():
        layout, chosen, _ = trainer.noise.of(batch, ratio=0.4, epoch=0)
        parts = (layout.key, layout.place, chosen.noised, batch["labels"])
        for key, place, flag, label in zip(*(part.flatten().tolist() for part in parts), strict=True):
            if label != IGNORED:
                found.setdefault(key, {})[place] = flag
    return found


def test_rows_that_packing_cuts_in_two_have_the_masks_of_whole_rows(base, tmp_path):
    # Rows are of 24 to 44 tokens, the lines of 23: every row lies in two or three of them.
    trainers = [trl_trainer(base, tmp_path, **LAYOUTS[layout]) for layout in ("padded", "wrapped")]
    whole, cut = (masks_by_row(masked_thought(trainer, span=3, seed=5)) for trainer in trainers)
    assert len(whole) == len(ROWS)
    assert whole == cut


@pytest.mark.parametrize("layout", ["bfd", "padding-free"])
def test_every_layout_noises_the_same_tokens_of_a_row(epoch_of, layout):
    padded = epoch_of("padded")
    assert len(padded) == len(ROWS)
    assert epoch_of(layout) == padded
    assert sum(row.count("<mask>") for row in padded) > 100
    assert all(row.startswith("Ann buys") and "has she?\n" in row for row in padded)


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize("layout", ["padded", "bfd"])
def test_workers_change_nothing(epoch_of, layout):
    assert epoch_of(layout, workers=4) == epoch_of(layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ratio_0_is_the_same_training_bit_for_bit(base, tmp_path, layout):
    trainers = [trl_trainer(base, tmp_path, learning_rate=1e-2, **LAYOUTS[layout]) for _ in range(2)]
    masked_thought(trainers[1], ratio=0.0)
    for trainer in trainers:
        trainer.train()
    logs = [[entry["loss"] for entry in trainer.state.log_history if "loss" in entry] for trainer in trainers]
    assert logs[0] == logs[1]
    pairs = zip(trainers[0].model.parameters(), trainers[1].model.parameters(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


def test_what_is_logged_is_the_loss_at_clean_and_at_noised_inputs(base, tmp_path):
    trainer = masked_thought(trl_trainer(base, tmp_path), 0.4)
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.state.max_steps, trainer.state.global_step = 3, 2
    told = {name: part.clone() for name, part in batch.items()}
    loss = trainer.compute_loss(trainer.model.train(), batch)
    found = trainer.meter.read(trainer.accelerator)
    layout, chosen, seed = trainer.noise.of(told, ratio=0.4, epoch=0)
    ids = trainer.noise.ids(trainer.model, told, layout, chosen, seed)
    logits = trainer.model(input_ids=ids, attention_mask=told["attention_mask"]).logits[:, :-1]
    losses = functional.cross_entropy(logits.transpose(1, 2), told["labels"][:, 1:], reduction="none")
    labelled = told["labels"][:, 1:] != IGNORED
    after = chosen.noised[:, :-1] & labelled
    assert found["mask_ratio"] == pytest.approx(0.4)
    assert found["loss_noised_input"] == pytest.approx(losses[after].mean().item(), abs=1e-4)
    assert found["loss_clean_input"] == pytest.approx(losses[labelled & ~after].mean().item(), abs=1e-4)
    assert loss.item() == pytest.approx(losses[labelled].mean().item(), abs=1e-4)


def test_evaluation_is_clean(base, tmp_path):
    trainer = masked_thought(trl_trainer(base, tmp_path), ratio=1.0, schedule="constant")
    batch = next(iter(trainer.get_train_dataloader()))
    clean = trainer.model(**batch).loss
    assert trainer.compute_loss(trainer.model.eval(), batch).item() == pytest.approx(clean.item(), abs=1e-4)


def tokens_of(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    made = []
    for row in ROWS:
        prompt, answer = (tokenizer(row[name])["input_ids"] for name in ("prompt", "completion"))
        answer = [*answer, tokenizer.eos_token_id]
        made.append({"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer})
    return tokenizer, Dataset.from_list(made)


def plain_trainer(base, tmp_path, model=None, **told):
    tokenizer, data = tokens_of(base)
    told = {"max_steps": 2, "per_device_train_batch_size": 4, "logging_steps": 1, **told}
    model = model or AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    collator = DataCollatorForSeq2Seq(tokenizer)
    arguments = TrainingArguments(output_dir=str(tmp_path / "hf"), **PLAIN_ARGUMENTS, **told)
    return Trainer(model, arguments, collator, data, processing_class=tokenizer)


def test_the_trainer_of_transformers_noises_the_same_tokens_as_that_of_trl(base, epoch_of, tmp_path):
    trainer = plain_trainer(base, tmp_path, max_steps=-1, num_train_epochs=1, gradient_accumulation_steps=3)
    masked_thought(trainer, ratio=0.4, schedule="constant", end=False, seed=5)
    assert rows_read(trainer) == epoch_of("padded")
    first = trainer.state.log_history[0]
    assert first["loss_clean_input"] != first["loss_noised_input"]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_adapters_are_trained_under_a_mask(base, tmp_path):
    trainer = trl_trainer(base, tmp_path, peft=LoraConfig(r=4, target_modules="all-linear"))
    masked_thought(trainer, ratio=0.4, schedule="constant")
    assert any("<mask>" in row for row in rows_read(trainer))
    assert trainer.state.log_history[0]["noised_share"] > 0.2


NOISES = [
    {"replacement": "random"},
    {"replacement": "pad"},
    {"replacement": "zero"},
    {"replacement": "dropout", "strength": 0.9},
    {"replacement": "neftune", "strength": 100},
    {"replacement": "model", "strength": 2.0},
    {"replacement": "model", "variant": "repo"},
    {"consistency": 0.5},
    {"consistency": 0.5, "replacement": "zero"},
    {"loss": "clean tokens"},
]


@pytest.mark.parametrize(("place", "noise"), list(enumerate(NOISES)), ids=str)
def test_every_kind_of_noise_trains_and_changes_the_loss(base, tmp_path, place, noise):
    layout = LAYOUTS["bfd" if place % 2 else "padded"]
    trainer = trl_trainer(base, tmp_path, max_steps=1, **layout)
    batch = next(iter(trainer.get_train_dataloader()))
    plain = trainer.model(**batch).loss.item()
    masked_thought(trainer, ratio=0.4, schedule="constant", **noise)
    trainer.train()
    found = trainer.state.log_history[0]
    assert found["loss"] != pytest.approx(plain, abs=1e-6)
    assert found["loss"] < 8
    assert found["loss_noised_input"] > 0


def test_a_guess_of_the_model_is_of_the_token_it_replaces_and_the_public_codes_of_the_next(base, tmp_path):
    read = {}
    for variant in ("paper", "repo"):
        trainer = trl_trainer(base, tmp_path)
        masked_thought(trainer, ratio=1.0, schedule="constant", replacement="model", variant=variant)
        batch = next(iter(trainer.get_train_dataloader()))
        layout, chosen, seed = trainer.noise.of(batch, ratio=1.0, epoch=0)

        class Sure(torch.nn.Module):
            """A model that is sure of the true next token."""

            def forward(self, input_ids, **_):
                following = functional.pad(input_ids[:, 1:], (0, 1))
                return type("Output", (), {"logits": 50.0 * functional.one_hot(following, 832).float()})

        read[variant] = trainer.noise.ids(Sure(), batch, layout, chosen, seed)
    # A right guess of the token itself changes nothing, but that no end of text is guessed.
    inner = chosen.noised & (batch["input_ids"] != trainer.processing_class.eos_token_id)
    assert (read["paper"] == batch["input_ids"])[inner].all()
    shifted = functional.pad(batch["input_ids"][:, 1:], (0, 1))
    assert (read["repo"] == shifted)[chosen.noised].all()


def test_consistency_without_noise_is_the_plain_loss(base, tmp_path):
    trainer = masked_thought(trl_trainer(base, tmp_path), ratio=0.0, consistency=3.0)
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.state.max_steps = 2
    clean = trainer.model(**batch).loss
    assert trainer.compute_loss(trainer.model.train(), dict(batch)).item() == pytest.approx(
        clean.item(), abs=1e-4
    )


def without_spare(base, folder):
    """Save a model whose tokenizer has no mask and no reserved token, and no row to spare."""
    lm = load(str(base))
    config = {name: getattr(lm.tokenizer, name) for name in ("pad_token", "eos_token", "bos_token")}
    lm.model.save_pretrained(folder)
    text = lm.tokenizer.backend_tokenizer.to_str()
    for word in ("<mask>", "<reserved_0>", "<reserved_1>", "<reserved_2>", "<reserved_3>"):
        text = text.replace(word, word.replace("mask", "m").replace("reserved", "r"))
    (folder / "tokenizer.json").write_text(text)
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **config})
    )
    return folder


def test_a_base_without_a_spare_id_gets_one_while_training_and_loses_it_again(base, tmp_path):
    (tmp_path / "bare").mkdir()
    bare = without_spare(base, tmp_path / "bare")
    trainer = masked_thought(trl_trainer(bare, tmp_path), ratio=0.5, schedule="constant")
    size = len(trainer.processing_class)
    mean = trainer.model.get_input_embeddings().weight.detach().mean(0)
    seen, rows = [], []

    def note(_, told, output):
        seen.append(told[0])
        rows.append(output[told[0] == size])

    handle = None
    original = trainer.create_optimizer

    def create(*told):
        nonlocal handle
        handle = trainer.model.get_input_embeddings().register_forward_hook(note)
        return original(*told)

    trainer.create_optimizer = create
    trainer.train()
    assert (torch.cat([ids.flatten() for ids in seen]) == size).any()
    assert torch.allclose(rows[0], mean.expand_as(rows[0]), atol=1e-6)
    assert trainer.model.get_input_embeddings().weight.shape[0] == size
    trainer.save_model(str(tmp_path / "saved"))
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert saved.config.vocab_size == saved.get_output_embeddings().weight.shape[0] == size


def test_an_interrupted_training_goes_on_with_its_masks_and_its_added_row(base, tmp_path):
    (tmp_path / "bare").mkdir()
    bare = without_spare(base, tmp_path / "bare")
    told = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2, "learning_rate": 1e-2}
    whole, resumed = (masked_thought(trl_trainer(bare, tmp_path, **told), 0.5) for _ in range(2))
    whole.train()
    resumed.train(resume_from_checkpoint=str(tmp_path / "trl" / "checkpoint-2"))
    pairs = zip(whole.model.parameters(), resumed.model.parameters(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)
    shares = [
        [entry.get("noised_share") for entry in each.state.log_history][:4] for each in (whole, resumed)
    ]
    assert shares[0] == shares[1]


def test_a_spare_id_is_noted_as_never_to_be_written(base, tmp_path):
    trainer = masked_thought(trl_trainer(base, tmp_path), 0.4)
    mask = trainer.processing_class.mask_token_id
    assert trainer.noise.vocabulary.stand_in == mask
    assert trainer.model.get_input_embeddings().weight.shape[0] == len(trainer.processing_class)
    trainer.save_model(str(tmp_path / "saved"))
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    with torch.no_grad():
        saved.get_output_embeddings().weight[mask] += 10 * torch.ones(32)
    written = saved.generate(torch.tensor([[50, 51]]), max_new_tokens=5, do_sample=False)
    assert mask not in written.tolist()[0]
    lm = LanguageModel(saved, trainer.processing_class, "saved", "")
    assert lm.never_ids == (mask,)
    (ours,) = generate(lm, [[50, 51]], max_new_tokens=5)
    assert "<mask>" not in ours.text


def test_running_text_and_other_misunderstandings_are_refused_with_a_sentence(base, tmp_path):
    text = [{"text": row["prompt"] + row["completion"]} for row in ROWS]
    with pytest.raises(DataError, match="noised with the solution"):
        masked_thought(trl_trainer(base, tmp_path, rows=text), 0.4).train()
    trainer = masked_thought(trl_trainer(base, tmp_path), 0.4)
    with pytest.raises(RecipeError, match="has a mask already"):
        masked_thought(trainer, 0.4)
    trainer = plain_trainer(base, tmp_path)
    trainer.processing_class = None
    with pytest.raises(ModelError, match="pass processing_class"):
        masked_thought(trainer, 0.4)
