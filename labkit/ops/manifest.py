"""A manifest: YAML text with one or more Kubernetes objects, checked before it goes to the cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labkit.errors import LabError
from labkit.ops.api import Object

Source = str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""YAML text, the path of a YAML file, or one object or several as Python dictionaries."""


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a date stays text, and a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = dict[str, int]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                problem = f"the key {key.value!r} is already set in line {seen[key.value]}"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Manifest:
    """text: what kubectl gets. objects: the same, parsed, in order. nodes: their syntax trees, which know their lines.

    origin: how a message names the text: "the YAML", or the file's name.
    """

    text: str
    objects: tuple[Object, ...]
    nodes: tuple[yaml.Node, ...]
    origin: str

    def line(self, kind: str, name: str, field: str) -> str:
        """The line that sets a field of an object, as `line 12: replicas: three`, or "" when it cannot be found.

        field: as the API server names it, for instance "spec.template.spec.containers[0].image".
        """
        keys = re.findall(r"[^.\[\]]+", field)
        meant = [
            node
            for obj, node in zip(self.objects, self.nodes, strict=True)
            if obj["kind"] == kind and name in ("", obj.get("metadata", {}).get("name"))
        ]
        found = [place for place in (_find(node, keys) for node in meant) if place]
        depth = max((place[0] for place in found), default=0)
        lines = [line for place_depth, line in found if place_depth == depth]
        return f"line {lines[0] + 1}: {self.text.splitlines()[lines[0]].strip()}" if len(lines) == 1 else ""


def read(source: Source) -> Manifest:
    """Read a manifest and check that every object in it says what it is.

    Raises LabError for a file that cannot be read, broken YAML (with line and column), and an object without apiVersion, kind
    or name.
    """
    text, origin = _text(source)
    try:
        nodes = [node for node in yaml.compose_all(text, _Loader) if not _is_empty(node)]
        objects = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        raise _broken(text, origin, error) from error
    except yaml.YAMLError as error:
        raise LabError(f"{_capital(origin)} cannot be read.", str(error)) from error
    if not objects:
        raise LabError(f"{_capital(origin)} holds no object.", "There is nothing in it, or only comments.")
    for position, (document, node) in enumerate(zip(objects, nodes, strict=True), 1):
        _check(document, node, origin if len(objects) == 1 else f"document {position} of {origin}")
    return Manifest(text, tuple(objects), tuple(nodes), origin)


def _text(source: Source) -> tuple[str, str]:
    """The YAML text of a source and how to name it."""
    if isinstance(source, Mapping):
        return json.dumps(source, indent=1), "the object"
    if not isinstance(source, str | Path):
        return "\n---\n".join(json.dumps(document, indent=1) for document in source), "the list of objects"
    if isinstance(source, str) and not is_path(source):
        return source, "the YAML"
    try:
        return Path(source).read_text(), str(source)
    except IsADirectoryError as error:
        raise LabError(f"{source} is a folder.", next=f'lab.kubectl("apply -f {source}")') from error
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"The file {source} cannot be read.", str(error)) from error


def is_path(text: str) -> bool:
    """Whether text names a file rather than being YAML itself."""
    return "\n" not in text.strip() and text.strip().endswith((".yaml", ".yml", ".json"))


def _broken(text: str, origin: str, error: yaml.MarkedYAMLError) -> LabError:
    """Broken YAML: the line, the column, and the line itself with a mark under the place."""
    mark = error.problem_mark or error.context_mark
    hint = "Compare its indentation with the lines above it."
    if "end of stream" in (error.problem or ""):  # where the text ends says little; where the quote opens does
        mark, hint = error.context_mark or mark, "Close what opens there."
    problem = error.problem or error.context or "it is not YAML"
    if mark is None:
        return LabError(f"{_capital(origin)} is not valid YAML.", problem)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    shown = f"{line}\n{' ' * mark.column}^ {problem}"
    if "\t" in line:
        shown, hint = f"{line.replace(chr(9), '→')}\n{problem}", "Replace the tab (→) by spaces: YAML does not allow tabs."
    return LabError(f"{_capital(origin)} is not valid YAML: line {mark.line + 1}, column {mark.column + 1}.", shown, hint)


def _check(document: Any, node: yaml.Node, origin: str) -> None:
    line = node.start_mark.line + 1
    if not isinstance(document, dict):
        raise LabError(
            f"{_capital(origin)} is not a Kubernetes object.", f"Line {line}: it is a {_yaml_type(document)}, not fields."
        )
    missing = [field for field in ("apiVersion", "kind") if not isinstance(document.get(field), str)]
    metadata = document.get("metadata")
    named = isinstance(metadata, dict) and (metadata.get("name") or metadata.get("generateName"))
    if not named and document.get("kind") != "List":
        missing.append("metadata.name")
    if missing:
        raise LabError(
            f"{_capital(origin)} lacks {' and '.join(missing)}.",
            f"The object begins at line {line}. Every object says its apiVersion, kind and name.",
        )


def _find(node: yaml.Node, keys: list[str]) -> tuple[int, int] | None:
    """How many of the path's keys are there, and the 0-based line of the last of them; None when not even the first is.

    A path without indices, as the API server's JSON decoder writes it, goes on into a list that has one element only.
    """
    place: tuple[int, int] | None = None
    for depth, key in enumerate(keys, 1):
        if isinstance(node, yaml.SequenceNode) and not key.isdigit() and len(node.value) == 1:
            node = node.value[0]
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == key), None)
            if pair is None:
                break
            place, node = (depth, pair[0].start_mark.line), pair[1]
        elif isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
            node = node.value[int(key)]
            place = (depth, node.start_mark.line)
        else:
            break
    return place


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null")


def _yaml_type(document: object) -> str:
    return "list" if isinstance(document, list) else "single value"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:] if text.startswith(("the ", "document ")) else text
