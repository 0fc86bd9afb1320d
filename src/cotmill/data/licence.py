"""Find the licence of an input: from the licence file or the dataset card that lies beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

UNKNOWN = "unknown"
_NAMES = re.compile(r"(LICEN[CS]E|COPYING)([._-].*)?$", re.IGNORECASE)
_LONGEST = 100_000
_SIGNS = (
    ("cc-by-nc-sa-4.0", r"Attribution-NonCommercial-ShareAlike 4\.0|by-nc-sa/4\.0"),
    ("cc-by-nc-4.0", r"Attribution-NonCommercial 4\.0|by-nc/4\.0"),
    ("cc-by-sa-4.0", r"Attribution-ShareAlike 4\.0|by-sa/4\.0"),
    ("cc-by-4.0", r"Attribution 4\.0|licenses/by/4\.0"),
    ("cc0-1.0", r"CC0 1\.0"),
    ("agpl-3.0", r"GNU AFFERO GENERAL PUBLIC LICENSE"),
    ("gpl-3.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    ("apache-2.0", r"Apache License\s+Version 2\.0|Licensed under the Apache License, Version 2\.0"),
    ("mit", r"MIT License|Permission is hereby granted, free of charge"),
    ("bsd-3-clause", r"Redistributions in binary form(?s:.*)Neither the name"),
    ("odc-by", r"Open Data Commons Attribution"),
)
"""Hub names of licences, by words that only they have; the narrower ones first."""


@dataclass(frozen=True)
class Licence:
    """A licence by its hub name, and the file that says so."""

    name: str = UNKNOWN
    said_by: str = ""

    def __str__(self) -> str:
        """Return name and evidence."""
        return f"{self.name} ({self.said_by})" if self.said_by else self.name


def licence_near(path: Path) -> Licence:
    """Look beside a file, or in a folder: a licence file whose text is known, else a card's front matter."""
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        return Licence()
    for file in sorted(folder.iterdir()):
        if file.is_file() and _NAMES.match(file.name) and (name := licence_of(_text(file))):
            return Licence(name, file.name)
    for card in ("README.md", "readme.md"):
        if (folder / card).is_file() and (name := _front_matter(_text(folder / card))):
            return Licence(name, card)
    return Licence()


def licence_of(text: str) -> str | None:
    r"""Recognise a licence by its text.

    >>> licence_of("MIT License\\n\\nCopyright (c) 2021 OpenAI")
    'mit'
    """
    for name, sign in _SIGNS:
        if re.search(sign, text, re.IGNORECASE):
            return name
    return None


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as handle:
        return handle.read(_LONGEST)


def _front_matter(text: str) -> str | None:
    """Read `license:` from a dataset card."""
    parts = text.split("---", 2)
    if len(parts) < 3 or parts[0].strip():
        return None
    try:
        front = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return None
    said = front.get("license") if isinstance(front, dict) else None
    return said if isinstance(said, str) else None
