from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from recorded_kubectl import MakeAccess

from labkit import addons
from labkit.errors import LabError

# Remembers what it was called with and the digest that it was told to note, and answers as the API would.
KUBECTL = """
cd "$(dirname "$0")"
echo "$*" >> calls
case "$1" in
get) [ -f mark ] && printf '{"metadata": {"annotations": {"labkit.dev/applied": "%s"}}}' "$(cat mark)" ;;
apply) cat > applied; [ ! -f refuse ] || { echo "Error from server: no" >&2; exit 1; } ;;
annotate) echo "$*" | sed 's/.*applied=//' > mark ;;
esac
exit 0
"""


def calls(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "calls").read_text().splitlines()]


def test_traefiks_pod_starts_while_its_custom_resources_are_defined() -> None:
    addon = addons.load("traefik")
    kinds = [obj["kind"] for obj in addon.objects]
    assert kinds[0] == "Namespace"
    needed = max(kinds.index(kind) for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Service"))
    assert needed < kinds.index("Deployment") < kinds.index("CustomResourceDefinition")
    assert kinds.count("CustomResourceDefinition") == 10
    assert all(obj["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "labkit" for obj in addon.objects)


def test_an_own_object_takes_the_place_of_upstreams() -> None:
    bindings = [obj for obj in addons.load("traefik").objects if obj["kind"] == "ClusterRoleBinding"]
    assert [binding["subjects"][0]["namespace"] for binding in bindings] == ["traefik"]


def test_an_addon_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(LabError, match="traefik"):
        addons.load("nginx")


def test_an_addon_is_applied_once(make_access: MakeAccess) -> None:
    access, addon = make_access(KUBECTL), addons.load("traefik")
    folder = access.kubectl.parent
    assert addons.apply(access, addon)
    assert calls(folder) == ["get", "apply", "annotate"]
    assert [json.loads(document) for document in (folder / "applied").read_text().split("---")] == list(addon.objects)
    assert not addons.apply(access, addon)
    assert calls(folder)[3:] == ["get"]


def test_a_changed_addon_is_applied_again(make_access: MakeAccess) -> None:
    access = make_access(KUBECTL)
    (access.kubectl.parent / "mark").write_text("another")
    assert addons.apply(access, addons.load("traefik"))


def test_an_addon_that_was_refused_is_not_noted_as_applied(make_access: MakeAccess) -> None:
    access, addon = make_access(KUBECTL), addons.load("traefik")
    refuse = access.kubectl.parent / "refuse"
    refuse.touch()
    with pytest.raises(LabError, match="Error from server: no"):
        addons.apply(access, addon)
    refuse.unlink()
    assert addons.apply(access, addon)


def test_a_gateway_that_does_not_answer_is_told_with_its_pods(make_access: MakeAccess) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        access = make_access("echo pod $2", gateway_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(LabError, match="did not answer within") as caught:
            addons.wait(access, addons.load("traefik"), timeout=0.2)
    assert caught.value.why == "pod pods\npod events"
