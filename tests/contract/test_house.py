"""The rules of the house that no off-the-shelf tool checks."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "cotmill"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_MODULE = 500


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_says_what_it_is_and_stays_short(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no module docstring"
    assert len(text.splitlines()) <= LONGEST_MODULE


def test_readme_tree_names_every_folder_of_the_package():
    tree = (ROOT / "README.md").read_text()
    for folder in sorted(SOURCE.iterdir()):
        if folder.is_dir() and (folder / "__init__.py").exists():
            assert re.search(rf"^\s+{folder.name}/\s+\S", tree, re.M), f"README tree lacks {folder.name}/"


def test_no_folder_or_module_is_named_after_nothing():
    promises_nothing = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert not [
        path for path in MODULES if promises_nothing & {part.removesuffix(".py") for part in path.parts[-3:]}
    ]


def test_every_public_name_in_all_exists():
    import importlib

    for package in sorted(path.parent for path in SOURCE.rglob("__init__.py")):
        name = ".".join(package.relative_to(SOURCE.parent).parts)
        module = importlib.import_module(name)
        missing = [item for item in getattr(module, "__all__", []) if not hasattr(module, item)]
        assert not missing, f"{name}.__all__ names {missing}"


def test_documentation_links_lead_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_python_blocks_in_the_documentation_compile():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
            if ">>>" not in block:
                compile(block, str(page), "exec")
