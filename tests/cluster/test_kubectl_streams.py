"""exec, attach, run, cp and port-forward: what goes through the kubelet to a container and back."""

from __future__ import annotations

import hashlib
import socket
import urllib.request
from pathlib import Path

import pytest
from kubectl import Kubectl, container, deployment, pod, podinfo, service


@pytest.fixture
def plain(kubectl: Kubectl) -> str:
    kubectl.apply(pod("plain"))
    kubectl.wait("pod/plain", "Ready")
    return "plain"


def test_exec_passes_streams_and_the_exit_code(kubectl: Kubectl, plain: str) -> None:
    run = kubectl.run("exec", "-i", plain, "--", "sh", "-c", "cat; echo problem >&2; exit 7", stdin="typed")
    assert (run.stdout, run.returncode) == ("typed", 7)
    assert run.stderr == "problem\ncommand terminated with exit code 7\n"


def test_exec_of_what_is_not_there(kubectl: Kubectl, plain: str) -> None:
    assert 'exec: "nonsense": executable file not found in $PATH' in kubectl.fails("exec", plain, "--", "nonsense")


def test_exec_on_a_terminal(kubectl: Kubectl, plain: str) -> None:
    with kubectl.terminal("exec", "-it", plain, "--", "sh", columns=123) as shell:
        shell.type("tty && stty size && echo $TERM\n")
        shell.read(r"/dev/pts/\d+")
        shell.read(r"24 123")
        shell.read("xterm")
        shell.type("sh -c 'echo started; exec sleep infinity'\n")
        shell.read(r"started\r\n")
        shell.type("\x03")
        shell.read(r"\^C")
        shell.type("exit 5\n")
        assert shell.end() == 5


def test_attach_types_into_the_first_process_and_leaves_it_running(kubectl: Kubectl) -> None:
    script = 'while read line; do echo "heard $line"; done'
    kubectl.apply(pod("listener", container(sh=script, stdin=True)))
    kubectl.wait("pod/listener", "Ready")
    for word in ("one", "two"):
        with kubectl.background("attach", "-i", "listener", "-c", "main") as attached:
            attached.type(f"{word}\n")
            attached.read(f"heard {word}")
    assert kubectl.container("listener")["restartCount"] == 0


def test_run_on_a_terminal_and_remove(kubectl: Kubectl) -> None:
    with kubectl.terminal("run", "visit", "--image=busybox", "-it", "--rm", "--restart=Never", "--", "sh") as shell:
        shell.type("hostname\n")
        shell.read(r"visit\r\n")
        shell.type("exit\n")
        assert shell.end() == 0
    assert 'pod "visit" deleted' in shell.text
    assert kubectl.items("pods") == []


def test_cp_there_and_back(kubectl: Kubectl, plain: str, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.mkdir()
    content = hashlib.sha512(b"seed").digest() * 40_000
    (there / "large.bin").write_bytes(content)
    (there / "notes.txt").write_text("a note\n")
    kubectl("cp", str(there), f"{plain}:/tmp/copied")
    assert kubectl.sh(plain, "cat /tmp/copied/notes.txt") == "a note"
    kubectl("cp", f"{plain}:/tmp/copied", str(back))
    assert (back / "large.bin").read_bytes() == content


def test_port_forward_to_pod_service_and_deployment(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", podinfo()), service("web"))
    kubectl.wait("deployment/web", "Available")
    name = kubectl.items("pods")[0]["metadata"]["name"]
    for target, port in ((f"pod/{name}", 9898), ("service/web", 80), ("deployment/web", 9898)):
        with kubectl.forward(target, port) as url:
            for _ in range(2):
                with urllib.request.urlopen(f"{url}/env") as answer:
                    assert f'"HOSTNAME={name}"' in answer.read().decode()


def test_port_forward_to_a_port_where_nobody_listens_says_so(kubectl: Kubectl, plain: str) -> None:
    with kubectl.background("port-forward", f"pod/{plain}", ":81") as forwarding:
        port = int(forwarding.read(r"127\.0\.0\.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"hello")
            forwarding.read("connection refused")
