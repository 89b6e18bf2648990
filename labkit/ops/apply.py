"""Applying and deleting manifests with the plain kubectl program, so that a learner sees just what it does."""

from __future__ import annotations

import json
import re
import sys
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.ops import kubectl_errors, manifest
from labkit.ops.api import Object
from labkit.ops.manifest import Manifest, Source

if TYPE_CHECKING:
    from labkit.cluster.access import Access

_KIND_AND_NAME = re.compile(r"([a-z][a-z0-9.]*/[a-z0-9][-a-z0-9.]*)(\s+[a-z][a-z0-9.]*/[a-z0-9][-a-z0-9.]*)*")


def apply(access: Access, source: Source, namespace: str | None = None) -> None:
    """`kubectl apply` a manifest and print what kubectl prints.

    Of several objects none is applied when the cluster would refuse one. Objects that need another one of the same manifest,
    such as its namespace, cannot be tried before. Raises LabError as `manifest.read` does, and for what the cluster refuses.
    """
    wanted = manifest.read(source)
    tried = [obj for obj in wanted.objects if not _needs_another(obj, wanted)] if len(wanted.objects) > 1 else []
    if tried:
        answer = _kubectl(access, namespace, "apply", "--dry-run=server", text=_text(tried))
        if answer.returncode:
            raise _refused(access, namespace, answer, wanted)
    answer = _kubectl(access, namespace, "apply", text=wanted.text)
    _print(answer)
    if answer.returncode:
        raise _refused(access, namespace, answer, wanted)


def delete(access: Access, source: Source, namespace: str | None = None) -> None:
    """`kubectl delete` what a manifest lists, or "deployment/web service/web"; prints what kubectl prints.

    Waits until it is gone. What is not there is passed over. Raises LabError as `apply` does.
    """
    if isinstance(source, str) and _KIND_AND_NAME.fullmatch(source.strip()) and not manifest.is_path(source):
        args = ["delete", "--ignore-not-found", *source.split()]
        answer = access.run_kubectl(*_in(namespace), *args)
        _print(answer)
        if answer.returncode:
            raise LabError(f"{source} cannot be deleted.", answer.stderr.strip(), 'lab.kubectl("api-resources") lists the kinds.')
        return
    unwanted = manifest.read(source)
    answer = _kubectl(access, namespace, "delete", "--ignore-not-found", text=unwanted.text)
    _print(answer)
    if answer.returncode:
        raise kubectl_errors.explain(access, answer.stderr, unwanted)


def _needs_another(obj: Object, wanted: Manifest) -> bool:
    """Whether the object is of a kind, or in a namespace, that the same manifest brings."""
    namespaces = {other["metadata"]["name"] for other in wanted.objects if other["kind"] == "Namespace"}
    kinds = {other["spec"]["names"]["kind"] for other in wanted.objects if other["kind"] == "CustomResourceDefinition"}
    return obj["kind"] in kinds or obj.get("metadata", {}).get("namespace") in namespaces


def _refused(access: Access, namespace: str | None, answer: CompletedProcess[str], wanted: Manifest) -> LabError:
    message = answer.stderr
    if "The request is invalid: patch" in message:
        # For an object that is there already the server does not say which field is wrong; for a new one it does.
        anew = _kubectl(access, namespace, "create", "--dry-run=server", text=wanted.text).stderr
        if "BadRequest" in anew:
            message = anew
    return kubectl_errors.explain(access, message, wanted)


def _kubectl(access: Access, namespace: str | None, *args: str, text: str) -> CompletedProcess[str]:
    return access.run_kubectl(*_in(namespace), *args, "-f", "-", stdin=text)


def _in(namespace: str | None) -> list[str]:
    return ["--namespace", namespace] if namespace else []


def _text(objects: list[Object]) -> str:
    """The objects as documents, not as one List: a List is validated by kubectl itself, with poorer messages."""
    return "\n---\n".join(json.dumps(obj) for obj in objects)


def _print(answer: CompletedProcess[str]) -> None:
    sys.stdout.write(answer.stdout)
    if not answer.returncode:
        sys.stderr.write(answer.stderr)
