"""Influence of all rows on two groups of queries, in units of F, beside Kronfluence, in one run.

    python benchmarks/influence.py [--model lab:llama-0.9m] [--rows 1000] [--queries 100]
    python benchmarks/influence.py --peers .peers      also the peers, installed into that folder
    python benchmarks/influence.py --model 30m         random weights in the shape of a 30M Llama
    python benchmarks/influence.py --cuda --length 4096 --model 8b --rows 64     long rows on a GPU

F is one bare forward pass over the pool, length-bucketed, all logits computed and thrown away. The job is
everything: factors, two directions from `--queries` queries each, scores, losses and gradient norms of all
rows. Every system runs in its own process, so that its peak memory is its own; seconds are of the wall, so
run it on a machine that has nothing else to do; processor time is less touched by others. Peers are given
the same rows, padded to the longest row of a batch, the same layers and the same damping.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from cotmill.lab import make_pool
from cotmill.measure.influence.config import FactorConfig
from cotmill.measure.influence.directions import group_gradients, preconditioned
from cotmill.measure.influence.factors import factor_rows, fit_factors
from cotmill.measure.influence.modules import tracked_modules
from cotmill.measure.influence.scores import score_rows
from cotmill.model.batches import length_batches, pad_right
from cotmill.model.load import LanguageModel, load
from cotmill.model.tokenise import TokenisedRow, TokenisedRows, tokenise

PEERS = {
    "kronfluence": ("kronfluence==1.0.1", "einops", "einconv", "opt-einsum"),
}
"""What each peer needs beyond what is here; installed without dependencies, so no second torch comes in."""
SHAPES = {
    "30m": {"hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 8, "num_attention_heads": 8},
    "8b": {
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
}


def model_of(told: argparse.Namespace) -> LanguageModel:
    """Load a model, or make one of a shape with random weights and the lab's tokenizer."""
    if told.model not in SHAPES:
        return load(told.model)
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from cotmill.model.load import lab_folder

    tokenizer = AutoTokenizer.from_pretrained(lab_folder() / "llama-0.25m")
    large = told.model == "8b"
    config = LlamaConfig(
        **SHAPES[told.model],
        vocab_size=128_256 if large else 832,
        max_position_embeddings=max(512, told.length or 0),
        pad_token_id=0,
    )
    torch.manual_seed(0)
    with torch.device("cuda" if told.cuda else "cpu"):
        model = LlamaForCausalLM(config).to(torch.bfloat16 if told.cuda else torch.float32)
    return LanguageModel(model.eval(), tokenizer, told.model, told.model)


def rows_of(lm: LanguageModel, told: argparse.Namespace, seed: int, count: int) -> TokenisedRows:
    """Give rows of the lab; with --length, rows of so many tokens made by joining them."""
    pool = make_pool(seed, count, defects=0.3 if seed == 0 else 0.0).without_labels()
    rows = tokenise(lm.tokenizer, pool, max_length=512)
    if not told.length:
        return rows
    from cotmill.model.tokenise import flat_rows

    stream = np.tile(rows.ids, -(-count * told.length // len(rows.ids)))[: count * told.length]
    cut = stream.reshape(count, told.length)
    return flat_rows(
        [TokenisedRow(f"{seed}-{n:030d}", ids, 64, truncated=False) for n, ids in enumerate(cut)], told.length
    )


def forward_seconds(lm: LanguageModel, rows: TokenisedRows) -> float:
    """Time the unit: the best of two passes."""
    budget = 4_096 if lm.device.type == "cpu" else 16_384
    batches = [pad_right(rows, places, 0)[0] for places in length_batches(rows.lengths, tokens=budget)]
    times = []
    for _ in range(2):
        started = now(lm)
        with torch.inference_mode():
            for inputs in batches:
                lm.model(input_ids=inputs.to(lm.device), use_cache=False)
        times.append(now(lm) - started)
    return min(times)


def now(lm: LanguageModel) -> float:
    if lm.device.type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic()


def ours(told: argparse.Namespace) -> dict[str, object]:
    """Time our parts; keep the scores."""
    lm = model_of(told)
    rows = rows_of(lm, told, 0, told.rows)
    queries = rows_of(lm, told, 5, 2 * told.queries)
    unit = forward_seconds(lm, rows)
    tracked = tracked_modules(lm)
    tokens = int(told.share * rows.lengths.sum()) if told.share < 1 else None
    config = FactorConfig(tokens=tokens, gigabytes=told.gigabytes)
    spent: dict[str, float] = {}
    processor = time.process_time()
    separate = told.separate
    with tempfile.TemporaryDirectory() as folder:
        started = now(lm)
        factors = fit_factors(lm, factor_rows(rows, config), tracked, config, Path(folder))
        spent["factors"] = now(lm) - started
        places = np.arange(2 * told.queries)
        groups = places if separate else places // told.queries
        kept = queries.take(places[: told.queries]) if separate else queries
        groups = groups[: len(kept)]
        weights = np.full(len(kept), 1.0 if separate else 1.0 / told.queries)
        gradients, _ = group_gradients(lm, kept, tracked, groups, weights)
        directions = preconditioned(gradients, tracked, factors)
        spent["directions"] = now(lm) - started - spent["factors"]
        scores = score_rows(lm, rows, tracked, directions)
        spent["scores"] = now(lm) - started - sum(spent.values())
    processor = time.process_time() - processor
    found = {"unit": unit, "spent": spent, "processor": processor, "scores": scores.values.tolist()}
    return {**found, **memory()}


def memory() -> dict[str, float]:
    found = {"gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
    if torch.cuda.is_available():
        found["gpu_gigabytes"] = torch.cuda.max_memory_allocated() / 2**30
    return found


def peer(name: str, told: argparse.Namespace) -> dict[str, object]:
    """Run a peer in a process of its own, on what it finds in its own folder before ours."""
    place = told.peers / name
    if not place.is_dir():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", place, *PEERS[name]],
            check=True,
        )
    script = Path(__file__).with_name(f"influence_{name}.py")
    paths = os.pathsep.join([str(place), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return in_process([sys.executable, str(script)], told, {"PYTHONPATH": paths})


def in_process(start: list[str], told: argparse.Namespace, extra: dict[str, str]) -> dict[str, object]:
    """Run one system in a new process and read its result."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        options = ["--model", told.model, "--rows", str(told.rows), "--queries", str(told.queries)]
        options += ["--share", str(told.share), "--threads", str(told.threads), "--result", result.name]
        options += ["--gigabytes", str(told.gigabytes)]
        options += ["--length", str(told.length)] if told.length else []
        options += ["--separate"] if told.separate else []
        options += ["--cuda"] if told.cuda else []
        subprocess.run([*start, *options], check=True, env={**os.environ, **extra})
        return json.loads(Path(result.name).read_text())


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="lab:llama-0.9m")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--queries", type=int, default=100, help="in each of the two groups")
    parser.add_argument("--separate", action="store_true", help="queries one by one instead of two groups")
    parser.add_argument("--share", type=float, default=1.0, help="share of the tokens that factors are of")
    parser.add_argument("--length", type=int, help="rows of so many tokens")
    parser.add_argument("--gigabytes", type=float, default=8.0, help="memory for factors, ours")
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", type=Path, help="folder of the peers; without it only ours is run")
    parser.add_argument("--only", action="append", choices=PEERS, help="of the peers only this one")
    parser.add_argument("--result", type=Path, help="write the result of ours here and print nothing")
    return parser.parse_args()


def show(name: str, found: dict, unit: float) -> float:
    """Print one line; give the seconds."""
    parts = "  ".join(f"{part} {seconds:.2f}" for part, seconds in found["spent"].items())
    total = sum(found["spent"].values())
    gpu = f", GPU {found['gpu_gigabytes']:.2f} GB" if found.get("gpu_gigabytes") else ""
    print(
        f"{name:24s} {total:8.2f} s {total / unit:6.2f} F   peak {found['gigabytes']:.2f} GB{gpu}   ({parts})"
    )
    return total


def main() -> None:
    told = parsed()
    torch.set_num_threads(told.threads)
    if told.result:
        told.result.write_text(json.dumps(ours(told)))
        return
    mine = in_process([sys.executable, __file__], told, {})
    unit = float(mine["unit"])
    print(f"{told.model}, {told.rows} rows, {told.queries} queries a group; F = {unit:.2f} s")
    total = show("cotmill", mine, unit)
    if told.share == 1 and not told.separate:
        told.share = 0.25
        quarter = in_process([sys.executable, __file__], told, {})
        told.share = 1.0
        show("cotmill, a quarter", quarter, unit)
        compare("a quarter against all", mine["scores"], quarter["scores"])
    for name in told.only or PEERS if told.peers else ():
        found = peer(name, told)
        seconds = show(name, found, unit)
        work = found["processor"] / mine["processor"]
        print(f"{'':24s} {seconds / total:.1f} x our time, {work:.1f} x our processor time")
        if found.get("scores"):
            compare(f"{name} against ours", mine["scores"], found["scores"])


def compare(name: str, first: list, second: list) -> None:
    """Print the rank correlation of two tables of scores, column by column."""
    one, other = np.array(first), np.array(second)
    found = [spearmanr(a, b).statistic for a, b in zip(one.T, other.T, strict=True)]
    print(f"{'':24s} {name}: Spearman {min(found):.4f} at least, {np.mean(found):.4f} on average")


if __name__ == "__main__":
    main()
