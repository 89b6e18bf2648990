"""Putting an add-on into a cluster, waiting until it answers, and taking it out.

What was applied is recorded as a digest on the add-on's namespace, so that an add-on that is already there costs one request.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse

from labkit.addons.addon import Addon, load
from labkit.cluster import locks
from labkit.cluster.access import Access
from labkit.errors import LabError

_ANNOTATION = "labkit.dev/applied"
_PROBE_PAUSE = 0.05  # s; there is nothing to watch from outside the cluster, so the gateway is asked


def install(access: Access, name: str, timeout: float = 60) -> bool:
    """Apply the add-on `name` if it is not there as its file describes it, and wait until it answers; returns whether it was
    applied.

    timeout: seconds. Raises LabError when it cannot be applied, or does not answer in time.
    """
    addon = load(name)
    applied = apply(access, addon)
    wait(access, addon, timeout)
    return applied


def apply(access: Access, addon: Addon) -> bool:
    """Apply the add-on's objects unless the cluster has just these; returns whether anything was applied.

    Two that do it at once do it one after the other. Raises LabError with kubectl's message when the cluster refuses an object.
    """
    with locks.held(access.kubeconfig.with_name("addons.lock")):
        if _applied(access, addon) == addon.digest:
            return False
        _kubectl(access, addon, "apply", "--server-side", "--force-conflicts", "--field-manager=labkit", "-f", "-")
        # After the objects and not with them: kubectl goes on after an object that failed.
        mark = f"{_ANNOTATION}={addon.digest}"
        _kubectl(access, addon, "annotate", "--overwrite", "namespace", addon.namespace, mark)
        return True


def wait(access: Access, addon: Addon, timeout: float = 60) -> None:
    """Wait until the add-on answers at the gateway; at once when it has no address there.

    timeout: seconds. Raises LabError that shows the add-on's pods and last warnings.
    """
    end = time.monotonic() + timeout
    while not ready(access, addon):
        if time.monotonic() > end:
            raise LabError(
                f"The add-on {addon.name} did not answer within {timeout:g} s.",
                _state(access, addon),
                f"labkit kubectl -n {addon.namespace} describe pods",
            )
        time.sleep(_PROBE_PAUSE)


def ready(access: Access, addon: Addon) -> bool:
    """Whether the add-on answers now. Any HTTP answer counts; a gateway without a route answers 404."""
    if not addon.gateway_path:
        return True
    address = urllib.parse.urlsplit(access.gateway_url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=1)
    try:
        connection.request("GET", addon.gateway_path)
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def remove(access: Access, name: str) -> None:
    """Take the add-on's objects out of the cluster, and with its custom resource definitions every object of their kinds.

    Nothing happens when it is not there. Raises LabError with kubectl's message when the cluster refuses.
    """
    addon = load(name)
    _kubectl(access, addon, "delete", "--ignore-not-found", "-f", "-")


def _applied(access: Access, addon: Addon) -> str:
    """The digest of what the cluster has, "" when the add-on is not there."""
    answer = access.run_kubectl("get", "--ignore-not-found", "-o", "json", "namespace", addon.namespace)
    if answer.returncode:
        raise LabError(f"The cluster cannot be asked for the add-on {addon.name}.", answer.stderr.strip(), "labkit status")
    namespace = json.loads(answer.stdout or "{}")
    return str(namespace.get("metadata", {}).get("annotations", {}).get(_ANNOTATION, ""))


def _kubectl(access: Access, addon: Addon, *args: str) -> None:
    answer = access.run_kubectl(*args, stdin=addon.manifest if "-" in args else None)
    if answer.returncode:
        raise LabError(f"kubectl {args[0]} failed for the add-on {addon.name}.", answer.stderr.strip(), "labkit status")


def _state(access: Access, addon: Addon) -> str:
    pods = access.run_kubectl("get", "pods", "-n", addon.namespace)
    warnings = access.run_kubectl("get", "events", "-n", addon.namespace, "--field-selector=type=Warning")
    return (pods.stdout + pods.stderr + "\n".join(warnings.stdout.splitlines()[-3:])).strip()
