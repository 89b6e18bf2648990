"""What kubectl prints when the cluster refuses a manifest, told to a person, with the manifest's line."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.cluster.access import Access
    from labkit.ops.manifest import Manifest

_GO_TYPES = {"string": "text", "bool": "true or false", "number": "a number", "object": "a mapping", "array": "a list"}


def explain(access: Access, message: str, manifest: Manifest) -> LabError:
    """The LabError for kubectl's `message` about `manifest`. The cluster is asked for what was probably meant."""
    return (
        _unreachable(access, message)
        or _no_kind(access, message, manifest)
        or _unknown_field(access, message, manifest)
        or _wrong_type(message, manifest)
        or _invalid(message, manifest)
        or _no_namespace(message)
        or LabError(f"The cluster refused {manifest.origin}.", _without_prefix(message))
    )


def _unreachable(access: Access, message: str) -> LabError | None:
    if not re.search(r"connection refused|was refused|Unable to connect|i/o timeout|no such host", message):
        return None
    return LabError(
        f"The cluster {access.name!r} does not answer.",
        f"{access.api_url}: {_without_prefix(message).splitlines()[-1]}",
        "labkit status, and if it is stopped: labkit start",
    )


def _no_kind(access: Access, message: str, manifest: Manifest) -> LabError | None:
    found = re.search(r'no matches for kind "(?P<kind>[^"]*)" in version "(?P<version>[^"]*)"', message)
    if not found:
        return None
    kind, version = found["kind"], found["version"]
    known = _kinds(access)
    if kind in known:
        why, hint = manifest.line(kind, "", "apiVersion"), f"Write: apiVersion: {known[kind]}"
    else:
        close = difflib.get_close_matches(kind, known, 1)
        why = manifest.line(kind, "", "kind")
        hint = f"Did you mean {close[0]} ({known[close[0]]})?" if close else 'lab.kubectl("api-resources") lists what there is.'
    return LabError(f"The cluster has no kind {kind} in {version}.", why, hint)


def _unknown_field(access: Access, message: str, manifest: Manifest) -> LabError | None:
    fields = re.findall(r'unknown field "([^"]+)"', message)
    kind = _kind_in(message, manifest)
    in_list = re.search(r"ValidationError\((\w+)\.?([^)]*)\)", message)
    if in_list:
        kind, fields = in_list[1], [".".join(filter(None, (in_list[2], field))) for field in fields]
    if not fields or not kind:
        return None
    parent, _, last = fields[0].rpartition(".")
    schema = ".".join(filter(None, (kind.lower(), re.sub(r"\[\d+\]", "", parent))))
    close = difflib.get_close_matches(last, _fields(access, schema), 1)
    return LabError(
        f"{kind} has no field {' and no field '.join(fields)}.",
        "\n".join(filter(None, (manifest.line(kind, "", field) for field in fields))),
        (f"Did you mean {close[0]}? " if close else "") + f'lab.kubectl("explain {schema}")',
    )


def _wrong_type(message: str, manifest: Manifest) -> LabError | None:
    found = re.search(
        r"cannot unmarshal (?P<got>\w+) into Go (?:struct field \w+\.(?P<field>\S+)|value) of type (?P<wanted>\S+)", message
    )
    kind = _kind_in(message, manifest)
    if not found or not found["field"]:
        return None
    return LabError(
        f"{kind}: {found['field']} must be {_type(found['wanted'])}, but it is {_type(found['got'])}.",
        manifest.line(kind, "", found["field"]),
        "Text is quoted in YAML, numbers and true/false are not.",
    )


def _invalid(message: str, manifest: Manifest) -> LabError | None:
    found = re.search(r'The (?P<kind>\w+) "(?P<name>[^"]*)" is invalid:\s*(?P<causes>.*)', message, re.DOTALL)
    if not found:
        return None
    kind, name = found["kind"], found["name"]
    causes = re.split(r"\n?\* ", found["causes"].strip()) if found["causes"].startswith("*") else [found["causes"].strip()]
    lines = []
    for cause in filter(None, causes):
        field, _, problem = cause.partition(": ")
        line = manifest.line(kind, name, field)
        lines.append(f"{field}: {problem}" + (f"\n  ({line})" if line else ""))
    immutable = "field is immutable" in found["causes"]
    hint = f'Delete it and apply it anew: lab.delete("{kind.lower()}/{name}")' if immutable else ""
    what = "would change what cannot be changed" if immutable else "is not valid"
    return LabError(f'{kind} "{name}" {what}.', "\n".join(lines), hint)


def _no_namespace(message: str) -> LabError | None:
    found = re.search(r'namespaces "([^"]+)" not found', message)
    if not found:
        return None
    return LabError(f'There is no namespace "{found[1]}".', next=f'lab.kubectl("create namespace {found[1]}")')


def _kind_in(message: str, manifest: Manifest) -> str:
    """The kind that the message is about, which it names in all cases but one object's own manifest."""
    found = re.search(r'(\w+) in version "[^"]*" cannot be handled', message)
    return found[1] if found else str(manifest.objects[0]["kind"])


def _kinds(access: Access) -> dict[str, str]:
    """Every kind that the cluster knows and the apiVersion that has it."""
    rows = [line.split() for line in access.run_kubectl("api-resources", "--no-headers").stdout.splitlines()]
    return {row[-1]: row[-3] for row in reversed(rows) if len(row) >= 4}


def _fields(access: Access, schema: str) -> list[str]:
    """The names of the fields at a place of the schema, for instance "deployment.spec"."""
    return re.findall(r"^  (\w+)\t<", access.run_kubectl("explain", schema).stdout, re.MULTILINE)


def _type(name: str) -> str:
    """A type of Go or JSON in a YAML writer's words."""
    if name.startswith(("int", "uint")):
        return "a whole number"
    if name.startswith("float"):
        return "a number"
    if name.startswith("[]"):
        return "a list"
    return _GO_TYPES.get(name, "a mapping")


def _without_prefix(message: str) -> str:
    """kubectl's message without what it says of itself."""
    text = re.sub(r"^(error: |Error from server( \(\w+\))?: )", "", message.strip(), flags=re.MULTILINE)
    return re.sub(r'error when \w+ "STDIN": ', "", text)
