"""YAML as a recipe uses it: plain data in which every value knows where it was written.

A strict subset of YAML 1.2: true/false, null, decimal numbers, text; no anchors or aliases (so that no small
file unfolds into a large one), no tags, no duplicate keys, no dates. YAML 1.1, PyYAML's own dialect, would
read `no` as false, `1e-3` as text and `1:30` as 90.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cotmill.core.errors import RecipeError

Where = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""

MAX_BYTES, MAX_DEPTH = 2**20, 30
EXCLUSIVE = ({"steps", "epochs"}, {"lab", "file", "benchmark"})
"""Settings that exclude each other: naming one in an override takes the place of the other."""
KEPT_ON_NEW_METHOD = ("budget", "seed")
"""What a `select` keeps when an override names another method; the old method's options go."""

_RESOLVERS = (
    ("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]),
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"]),
    ("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9_]*)$"), list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        re.compile(
            r"^[-+]?(?:[0-9][0-9_]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|\.(?:inf|nan))$"
        ),
        list("-+0123456789."),
    ),
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - the name and the type are PyYAML's


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads back as the same values."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012


for _dialect in (_Loader, _Dumper):
    for _tag, _pattern, _first in _RESOLVERS:
        _dialect.add_implicit_resolver(_tag, _pattern, _first)


@dataclass(frozen=True)
class Document:
    """Plain data, and for every path in it the words that say where it was written."""

    tree: Any
    where: Mapping[Where, str] = field(default_factory=dict)
    name: str = "recipe"

    def place(self, path: Where) -> str:
        """Say where a value was written, or where the nearest value around it was."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.where:
                return self.where[path[:end]]
        return self.name

    def part(self, *path: str | int) -> Document:
        """Cut out the value at a path, with its places."""
        tree = self.tree
        for step in path:
            tree = tree[step]
        depth = len(path)
        return Document(
            tree, {key[depth:]: place for key, place in self.where.items() if key[:depth] == path}, self.name
        )

    def only(self, keys: Collection[str]) -> Document:
        """Keep some top-level keys."""
        tree = {key: value for key, value in self.tree.items() if key in keys}
        where = {path: place for path, place in self.where.items() if not path or path[0] in tree}
        return Document(tree, where, self.name)

    def merged(self, other: Document) -> Document:
        """Lay another document over this one: mappings key by key, anything else as a whole."""
        if not isinstance(other.tree, Mapping) or not isinstance(self.tree, Mapping):
            return Document(other.tree, other.where, self.name)
        tree, where = dict(self.tree), dict(self.where)
        for key in _replaced(self.tree, other.tree):
            tree.pop(key)
        for key in other.tree:
            below = self.part(key).merged(other.part(key)) if key in tree else other.part(key)
            tree[key] = below.tree
            where = {path: place for path, place in where.items() if path[:1] != (key,)}
            where |= {(key, *path): place for path, place in below.where.items()}
        return Document(tree, where, self.name)


def _replaced(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name the keys of the old mapping that the new one takes the place of."""
    if "method" in new and "method" in old and new["method"] != old["method"]:
        return [key for key in old if key not in KEPT_ON_NEW_METHOD]
    return [key for group in EXCLUSIVE if group & new.keys() for key in group & old.keys() - new.keys()]


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        RecipeError: it cannot be read as the subset above; says the file and the line.
    """
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size <= MAX_BYTES else ""
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{path} is not UTF-8 text (byte {error.start}); a recipe is a YAML file"
        ) from error
    if size > MAX_BYTES:
        raise RecipeError(f"{path} has {size} bytes; a recipe has at most {MAX_BYTES}")
    return parse(text, str(path))


def parse(text: str, name: str) -> Document:
    """Parse YAML text; `name` is what errors call it.

    >>> [parse(text, "--set").tree for text in ("1e-3", "[1, 2]", "no")]
    [0.001, [1, 2], 'no']
    """
    try:
        _refuse_aliases(text, name)
        node = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(_yaml_error(error, name)) from error
    if node is None:
        return Document(None, {}, name)
    places: dict[Where, str] = {}
    tree = _build(node, (), places, name)
    return Document(tree, places, name)


def dump(tree: Any) -> str:
    """Write plain data as YAML that reads back as the same data, keys in their order."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _refuse_aliases(text: str, name: str) -> None:
    """Walk the events before anything is built: no aliases, no second document, no deep nesting."""
    depth, documents = 0, 0
    for event in yaml.parse(text, Loader=_Loader):
        at = f"{name}, line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise RecipeError(
                f"{at}: anchors and aliases (&, *) are not used in recipes; write the value out"
            )
        depth += isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
        depth -= isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > MAX_DEPTH:
            raise RecipeError(f"{at}: nested more than {MAX_DEPTH} deep")
        if documents > 1:
            raise RecipeError(f"{at}: a second document begins (---); a recipe is one document")


COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
"""The tags of mappings and lists that bear none of their own."""


def _build(node: yaml.Node, path: Where, places: dict[Where, str], name: str) -> Any:
    """Turn a node into plain data and note the line of every part."""
    at = f"{name}, line {node.start_mark.line + 1}"
    places.setdefault(path, at)
    if isinstance(node, yaml.CollectionNode) and node.tag not in COLLECTIONS:
        raise RecipeError(f"{at}: the tag {node.tag!r} is not used in recipes; leave it out")
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, path, places, name)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, n), places, name) for n, item in enumerate(node.value)]
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rpartition(":")[2] not in (
        "null",
        "bool",
        "int",
        "float",
        "str",
    ):
        raise RecipeError(f"{at}: the tag {node.tag!r} is not used in recipes; write plain text or a number")
    value = _scalar(node, at)
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{at}: {node.value} is not a finite number")
    return value


def _scalar(node: yaml.Node, at: str) -> Any:
    """Read a single value."""
    text = node.value
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int" | "float" as kind:
            try:
                return (int if kind == "int" else float)(
                    text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan")
                )
            except ValueError as error:
                raise RecipeError(f"{at}: {text!r} is not a number") from error
        case _:
            return text


def _build_mapping(
    node: yaml.MappingNode, path: Where, places: dict[Where, str], name: str
) -> dict[str, Any]:
    """Turn a mapping node into a dict, refusing keys that are not text or come twice."""
    built: dict[str, Any] = {}
    for key, value in node.value:
        at = f"{name}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:null":
            raise RecipeError(f"{at}: a key must be text")
        word = key.value
        if word in built:
            raise RecipeError(f"{at}: {word!r} is set a second time; the first is in {places[*path, word]}")
        places[*path, word] = at
        built[word] = _build(value, (*path, word), places, name)
    return built


def _yaml_error(error: Exception, name: str) -> str:
    """Say in one line what the YAML parser tripped over."""
    mark = getattr(error, "problem_mark", None)
    at = f"{name}, line {mark.line + 1}" if mark else name
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{at}: not valid YAML: {problem}"


def override(document: Document, setting: str) -> Document:
    """Apply one `a.b=value`; keys with dots in them (`arms.random 12.5%.select`) are found as written.

    Raises:
        RecipeError: the setting has no `=`, or leads through something that is not a mapping.
    """
    dotted, equals, text = setting.partition("=")
    said = f"--set {setting}"
    if not equals or not dotted.strip():
        raise RecipeError(f"{said}: expected KEY=VALUE, for example --set train.steps=100")
    return set_at(document, dotted.strip(), parse(text, said).tree, said)


def set_at(document: Document, dotted: str, value: Any, said: str) -> Document:
    """Put a value at a dotted key; `said` is where errors say that it was written."""
    path = tuple(_split(document.tree, dotted))
    tree = value
    for key in reversed(path):
        tree = {key: tree}
    merged = document.merged(
        Document(tree, dict.fromkeys((path[:end] for end in range(len(path) + 1)), said))
    )
    around = {path[:end] for end in range(len(path))}
    where = {
        key: document.where.get(key, place) if key in around else place for key, place in merged.where.items()
    }
    return Document(merged.tree, where, document.name)


def _split(tree: Any, dotted: str) -> Iterator[str]:
    """Split a dotted key, taking the longest key that exists at each level."""
    parts = dotted.split(".")
    while parts:
        taken = next(
            (
                end
                for end in range(len(parts), 1, -1)
                if isinstance(tree, Mapping) and ".".join(parts[:end]) in tree
            ),
            1,
        )
        key = ".".join(parts[:taken])
        yield key
        tree, parts = (tree.get(key) if isinstance(tree, Mapping) else None), parts[taken:]
