from __future__ import annotations

import pytest
from node import Node
from pod import Container, Failed, Pod


@pytest.fixture
def container(pod: Pod) -> Container:
    return pod.run("sleep", "infinity", envs=pod.env(COLOR="blue"), working_dir="/work")


def test_exec_returns_output_and_exit_code(container: Container) -> None:
    answer = container.exec("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (answer.stdout, answer.stderr, answer.exit_code) == (b"out\n", b"err\n", 3)


def test_exec_is_inside_the_container(container: Container) -> None:
    assert container.output("echo $COLOR $(pwd) $(hostname)").split() == ["blue", "/work", container.pod.name]
    assert len(set(container.output("readlink /proc/1/ns/pid /proc/self/ns/pid").split())) == 1


def test_exec_of_a_command_that_is_not_there(container: Container) -> None:
    with Failed("UNKNOWN") as failed:
        container.exec("no-such-command")
    assert failed.message == 'exec: "no-such-command": executable file not found in $PATH'


def test_past_its_time_a_command_is_killed_with_all_it_has_started(container: Container) -> None:
    with Failed("DEADLINE_EXCEEDED"):
        container.exec("sh", "-c", "setsid sleep 4321 & sleep 4321", timeout=1)
    assert "sleep 4321" not in container.commands()


def test_exec_does_not_wait_for_what_it_leaves_in_the_background(container: Container) -> None:
    assert container.exec("sh", "-c", "sleep 1000 & echo started").stdout == b"started\n"


def test_exec_needs_a_running_container(pod: Pod) -> None:
    ended = pod.sh("exit 0")
    ended.wait()
    with Failed("UNKNOWN") as failed:
        ended.exec("true")
    assert "is not running" in failed.message


def test_exec_has_the_containers_user(pod: Pod) -> None:
    user = pod.context(run_as_user=pod.pb.Int64Value(value=1234))
    assert pod.run("sleep", "infinity", linux=user).output("id -u") == "1234"


def test_streams_have_addresses(container: Container, node: Node) -> None:
    for call, fields in (
        ("Exec", {"container_id": container.id, "cmd": ["true"], "stdout": True}),
        ("Attach", {"container_id": container.id, "stdout": True}),
        ("PortForward", {"pod_sandbox_id": container.pod.id, "port": [80]}),
    ):
        assert node.call(call, **fields).url.startswith("http://127.0.0.1:")
