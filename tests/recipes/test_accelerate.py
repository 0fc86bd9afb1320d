"""The configurations for several GPUs are read by accelerate, and by the launcher of trainings."""

from __future__ import annotations

from pathlib import Path

import pytest
from accelerate.commands import launch

from cotmill.core.errors import RecipeError
from cotmill.train.launch import processes_of

FOLDER = Path(__file__).parents[2] / "recipes" / "accelerate"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_accelerate_reads_every_setting(path):
    told = launch.launch_command_parser().parse_args(["--config_file", str(path), "script.py"])
    args, _, _ = launch._validate_launch_command(told)
    assert args.use_fsdp == path.stem.startswith("fsdp")
    assert args.num_processes == 8 * args.num_machines
    if args.use_fsdp:
        environment = launch.prepare_multi_gpu_env(args)
        assert environment["FSDP_VERSION"] == "2"
        assert environment["ACCELERATE_USE_FSDP"] == "true"
        assert environment["FSDP_OFFLOAD_PARAMS"] == str(path.stem == "fsdp_offload").lower()


def test_the_launcher_knows_how_many_processes_start_here():
    assert processes_of(FOLDER / "fsdp.yaml") == 8
    with pytest.raises(RecipeError, match="for 2 machines"):
        processes_of(FOLDER / "fsdp_nodes.yaml")
    with pytest.raises(RecipeError, match="no configuration that accelerate can read"):
        processes_of(FOLDER / "none.yaml")
