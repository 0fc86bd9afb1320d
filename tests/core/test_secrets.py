"""Keys and passwords: refused where they would be written down, blotted out where they would be shown."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cotmill.augment.engines.server import checked
from cotmill.cli.main import app
from cotmill.core.errors import RecipeError
from cotmill.core.runs import log_line
from cotmill.core.secrets import hide, refuse_secrets

KEYS = [
    "sk-proj-0123456789abcdefABCDEF",
    "hf_abcdefghijklmnopqrstuvwxyz",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "AKIA0123456789ABCDEF",
    "Bearer 0123456789abcdef0123456789",
]


@pytest.mark.parametrize("key", KEYS)
def test_what_looks_like_a_key_is_blotted_out(key: str) -> None:
    assert key not in hide(f"the server refused {key}, try again")
    assert "try again" in hide(f"the server refused {key}, try again")


def test_the_keys_of_this_process_are_blotted_out_whatever_they_look_like(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COTMILL_API_KEY", "correct horse battery")
    assert hide("401: correct horse battery is unknown") == "401: *** is unknown"
    log_line(tmp_path, "asked with correct horse battery")
    assert "horse" not in (tmp_path / "log.txt").read_text()


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("max_new_tokens=5", "ask-me", "http://host:8000/v1", "a: b@c", "Bearer of news", "sk-1"):
        assert hide(text) == text
    refuse_secrets({"max_new_tokens": "12", "form": "chat", "stop": ["token"]}, "--extra")


@pytest.mark.parametrize(
    "settings",
    [{"api_key": "anything"}, {"headers": {"Authorization": "x"}}, {"a": [{"b": KEYS[0]}]}, {"token": "x"}],
)
def test_settings_that_hold_a_secret_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"looks like a key.*COTMILL_API_KEY"):
        refuse_secrets(settings, "--extra")


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(RecipeError, match="COTMILL_API_KEY") as refused:
        checked("http://me:opensesame@host:8000/v1")
    assert "opensesame" not in str(refused.value)


def test_a_recipe_with_a_key_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        f"name: mine\nabout: {KEYS[0]}\ndata: {{train: {{lab: {{rows: 9}}}}}}\nmodel: lab:llama-0.25m\n"
    )
    result = CliRunner().invoke(app, ["run", str(recipe), "--out", str(tmp_path / "run")])
    assert result.exit_code == 2
    assert "looks like a key or a password" in " ".join(result.output.split())
    assert KEYS[0] not in result.output
    assert not (tmp_path / "run").exists()
