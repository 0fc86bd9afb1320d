"""The script of the documentation runs as it stands there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from safetensors.torch import load_file

PAGE = Path(__file__).parents[2] / "docs" / "masked_thought.md"


# TRL's own default asks transformers for gradient checkpointing under its old name.
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set:UserWarning")
def test_the_plain_trl_script_of_the_documentation_runs(tmp_path, monkeypatch):
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    (tmp_path / "script.py").write_text(script)
    monkeypatch.chdir(tmp_path)
    known = runpy.run_path(str(tmp_path / "script.py"))
    log = known["trainer"].state.log_history
    assert [entry["mask_ratio"] for entry in log[:4]] == pytest.approx([0, 0.15, 0.3, 0.4])
    assert 0.2 < log[3]["noised_share"] < 0.6
    weights = load_file(tmp_path / "out" / "final" / "model.safetensors")
    assert weights["model.embed_tokens.weight"].shape[0] == len(known["trainer"].processing_class)
