"""Start a training: here, or in one process per GPU where there are several.

TRL refuses to spread a model over the GPUs of one process, so with several the job is written down and
started again by `accelerate launch`, once per GPU.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file

from cotmill.core.errors import RecipeError, RunError
from cotmill.core.files import read_json, write_json
from cotmill.data.pool import Pool
from cotmill.model.ranks import RANKED
from cotmill.train.config import TrainConfig
from cotmill.train.sft import Extras, TrainResult, train
from cotmill.train.write import RESULT

ORDER = "order.json"


def launch(  # noqa: PLR0913 - the arguments of train
    base: str,
    pool: Pool,
    config: TrainConfig,
    *,
    out: Path,
    seed: int,
    threads: int | None = None,
    checkpoints: int = 0,
    held_out: Pool | None = None,
    processes: int | None = None,
    extras: Extras | None = None,
    accelerate: Path | None = None,
) -> TrainResult:
    """Train in as many processes as there are GPUs; `processes` overrides it (on CPUs, by gloo).

    A file for `accelerate` (recipes/accelerate has some) says how many processes there are, and whether the
    model is cut over them (FSDP).

    Raises:
        RecipeError: the rows of a micro-batch cannot be shared evenly.
        RunError: a process failed; its output has the reason.
    """
    count = processes or (processes_of(accelerate) if accelerate else max(1, torch.cuda.device_count()))
    if count == 1 or RANKED in os.environ:
        return train(
            base,
            pool,
            config,
            out=out,
            seed=seed,
            threads=threads,
            checkpoints=checkpoints,
            held_out=held_out,
            extras=extras,
        )
    if extras is not None:
        raise RecipeError(
            "trajectories are recorded in a single process; name one GPU with CUDA_VISIBLE_DEVICES=0"
        )
    if config.batch_size % (config.accumulate * count):
        raise RecipeError(
            f"a step of {config.batch_size} rows in {config.accumulate} parts cannot be shared by {count} "
            "processes; make batch_size a multiple of both"
        )
    folder = out.with_name(out.name + ".launch")
    written = {"pool": pool.write(folder / "pool")}
    if held_out is not None:
        written["held_out"] = held_out.write(folder / "held_out")
    order = {
        "base": base,
        "config": config.model_dump(mode="json"),
        "out": str(out),
        "seed": seed,
        "threads": threads,
        "checkpoints": checkpoints,
        "pools": sorted(written),
    }
    write_json(folder / ORDER, order)
    _start(folder, count, accelerate)
    shutil.rmtree(folder)
    return TrainResult(**read_json(out / RESULT)["result"])


def processes_of(accelerate: Path) -> int:
    """Read how many processes a configuration of accelerate starts on this machine.

    Raises:
        RecipeError: it is none, or one of several machines.
    """
    try:
        found: Any = load_config_from_file(str(accelerate))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise RecipeError(
            f"{accelerate} is no configuration that accelerate can read ({error}); make one with: "
            "accelerate config, or take one of recipes/accelerate"
        ) from error
    if getattr(found, "num_machines", 1) > 1:
        raise RecipeError(
            f"{accelerate} is for {found.num_machines} machines; type on each of them: accelerate launch "
            f"--config_file {accelerate} --machine_rank N -m cotmill.cli.main train …"
        )
    return int(found.num_processes)


def _start(folder: Path, count: int, accelerate: Path | None) -> None:
    """Start the processes and wait for them."""
    where = ["--cpu"] if not torch.cuda.is_available() else ["--multi_gpu"]
    command = [sys.executable, "-m", "accelerate.commands.launch", *where, f"--num_processes={count}"]
    command += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0"]
    if accelerate is not None:
        command = [sys.executable, "-m", "accelerate.commands.launch", f"--config_file={accelerate}"]
        command += [f"--num_processes={count}"]
    done = subprocess.run(  # noqa: S603 - this Python, a fixed module, and a path
        [*command, "-m", "cotmill.train.launch", str(folder)], check=False
    )
    if done.returncode:
        raise RunError(
            f"training in {count} processes ended with code {done.returncode}; the reason is above"
        )


def obey(folder: Path) -> None:
    """Do, in one of several processes, what was written down."""
    order: dict[str, Any] = read_json(folder / ORDER)
    pools = {name: Pool.open(folder / name) for name in order["pools"]}
    train(
        order["base"],
        pools["pool"],
        TrainConfig.model_validate(order["config"]),
        out=Path(order["out"]),
        seed=order["seed"],
        threads=order["threads"],
        checkpoints=order["checkpoints"],
        held_out=pools.get("held_out"),
    )


if __name__ == "__main__":
    obey(Path(sys.argv[1]))
