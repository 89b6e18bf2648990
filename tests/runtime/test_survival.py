from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from node import Node
from pod import Pod


@pytest.fixture
def node(tools: dict[str, str], folder: Path) -> Iterator[Node]:
    """One that may be harmed."""
    with Node(folder, tools) as running:
        yield running


def test_a_killed_runtime_finds_its_containers_again(pod: Pod, node: Node) -> None:
    lasting = pod.run("sleep", "infinity", name="lasting")
    before = lasting.status
    node.restart_cri()
    assert lasting.status == before
    assert lasting.output("echo alive") == "alive"
    assert pod.status.state == pod.pb.SANDBOX_READY
    assert Pod(node).ip != pod.ip


def test_what_ended_while_the_runtime_was_away_is_told(pod: Pod, node: Node) -> None:
    go = node.folder / "volume"
    go.mkdir()
    short = pod.sh("while [ ! -e /go/now ]; do sleep 0.02; done; exit 5", mounts=[pod.mount(go, "/go")])
    node.kill_cri()
    (go / "now").touch()
    node.start_cri()
    status = short.wait()
    assert (status.exit_code, status.reason) == (5, "Error")


def test_when_the_shim_dies_all_it_held_is_gone(pod: Pod, node: Node) -> None:
    container = pod.run("sleep", "infinity")
    changing = pod.run("sleep", "infinity", name="other", linux=pod.context(run_as_user=pod.pb.Int64Value(value=1234)))
    node.kill_shim()
    for each in (container, changing):
        status = each.wait()
        assert (status.exit_code, status.reason) == (255, "Unknown")
    assert pod.status.state == pod.pb.SANDBOX_NOTREADY
    assert not any(condition.status for condition in node.call("Status").status.conditions)
    node.start_shim()
    node.eventually("the runtime to be ready again", lambda: all(each.status for each in node.call("Status").status.conditions))
    pod.stop()
    pod.remove()
    assert "infinity" not in node.commands()


def test_a_new_shim_and_a_new_runtime_report_the_old_as_lost(pod: Pod, node: Node) -> None:
    container = pod.run("sleep", "infinity")
    node.kill_cri()
    node.kill_shim()
    node.start_shim()
    node.start_cri()
    assert (container.status.exit_code, container.status.reason) == (255, "Unknown")
    assert pod.status.state == pod.pb.SANDBOX_NOTREADY


def test_addresses_are_used_again_when_pods_have_gone(tools: dict[str, str], folder: Path) -> None:
    with Node(folder, tools, pod_cidr="10.244.0.0/29") as node:
        pods = [Pod(node) for _ in range(5)]
        assert len({pod.ip for pod in pods}) == 5
        freed = pods[2].ip
        pods[2].remove()
        again = Pod(node)
        assert again.ip == freed
        client, server = pods[0].run("sleep", "infinity"), again.run("nginx", "-g", "daemon off;", image="nginx")
        assert "Welcome to nginx" in node.eventually(
            "the new pod to answer", lambda: client.exec("wget", "-qO-", f"http://{freed}/").stdout.decode()
        )
        server.stop()


def test_events_tell_what_happens_to_containers(pod: Pod, node: Node) -> None:
    events = node.call("GetContainerEvents")
    names = pod.pb.ContainerEventType.Name
    other = Pod(node)
    container = other.sh("exit 4")
    container.wait()
    container.remove()
    seen = []
    for event in events:
        assert event.pod_sandbox_status.metadata.uid == f"uid-{other.name}"
        seen.append((event.container_id, names(event.container_event_type).split("_")[1]))
        if seen[-1] == (container.id, "DELETED"):
            break
    assert [kind for source, kind in seen if source == other.id] == ["CREATED", "STARTED"]
    assert {kind for source, kind in seen if source == container.id} == {"CREATED", "STARTED", "STOPPED", "DELETED"}
    events.cancel()
