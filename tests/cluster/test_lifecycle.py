"""A cluster's life in the hands of a beginner: twice, at once, interrupted, killed. Each test has its own state folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from labkit.cluster import folders

LABKIT = [sys.executable, "-m", "labkit.cli"]


class Hands:
    """Somebody at a terminal, with a home of their own. The built programs are the user's."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = os.environ | {"LABKIT_STATE": str(home / "state"), "HOME": str(home), "KUBECONFIG": ""}
        self.environment["LABKIT_CACHE"] = str(folders.cache())

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*LABKIT, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def labkit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.begin(*arguments)
        out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.labkit("status", "--json").stdout)
        return status

    def supervisors(self) -> list[psutil.Process]:
        mine = str(self.home)
        return [p for p in psutil.process_iter() if "labkit.cluster.embedded.supervisor" in _line(p) and mine in _line(p)]

    def wait_for_supervisor(self) -> psutil.Process:
        deadline = time.monotonic() + 60
        while not (found := [p for p in self.supervisors() if p.children()]):
            assert time.monotonic() < deadline, "no supervisor appeared"
            time.sleep(0.01)
        return found[0]

    def nothing_is_left(self) -> bool:
        deadline = time.monotonic() + 30
        while self.supervisors():
            assert time.monotonic() < deadline, f"still there: {self.supervisors()}"
            time.sleep(0.01)
        return str(self.home) not in Path("/proc/mounts").read_text()


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    someone = Hands(tmp_path)
    yield someone
    someone.labkit("down", "--yes")
    assert someone.nothing_is_left()


def test_up_twice_is_up_once(hands: Hands) -> None:
    first = hands.labkit("up")
    assert first.returncode == 0, first.stderr
    pid = hands.status()["pid"]
    second = hands.labkit("up")
    assert second.returncode == 0, second.stderr
    assert "already up" in second.stdout
    assert hands.status()["pid"] == pid


def test_two_at_once_bring_one_cluster_up(hands: Hands) -> None:
    both = [hands.begin("up", "--json") for _ in range(2)]
    answers = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert len({json.loads(out)["api"] for out, _ in answers}) == 1
    assert len(hands.supervisors()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing_running_and_the_next_one_works(hands: Hands, number: signal.Signals) -> None:
    process = hands.begin("up")
    hands.wait_for_supervisor()
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Interrupted" in err
    assert hands.nothing_is_left()
    assert hands.labkit("up").returncode == 0


def test_a_killed_up_does_not_stop_the_next_one(hands: Hands) -> None:
    process = hands.begin("up")
    hands.wait_for_supervisor()
    process.kill()
    process.communicate()
    done = hands.labkit("up")
    assert done.returncode == 0, done.stderr
    assert hands.status()["phase"] == "ready"


def test_down_in_the_middle_of_up_wins(hands: Hands) -> None:
    process = hands.begin("up")
    hands.wait_for_supervisor()
    down = hands.labkit("down", "--yes")
    assert down.returncode == 0, down.stderr
    process.communicate()
    assert process.returncode != 0
    assert hands.nothing_is_left()
    assert hands.status()["phase"] == "absent"


def test_a_killed_down_is_finished_by_the_next(hands: Hands) -> None:
    assert hands.labkit("up").returncode == 0
    process = hands.begin("down", "--yes")
    hands.supervisors()[0].wait(60)
    process.kill()
    process.communicate()
    assert hands.labkit("down", "--yes").returncode == 0
    assert hands.nothing_is_left()
    assert list((hands.home / "state" / "clusters").glob("[!.]*")) == []


def test_a_killed_supervisor_takes_everything_along_and_what_was_acknowledged_is_kept(hands: Hands) -> None:
    assert hands.labkit("up").returncode == 0
    family = [hands.supervisors()[0], *hands.supervisors()[0].children(recursive=True)]
    created = hands.labkit("kubectl", "create", "configmap", "kept", "--from-literal=a=1")
    assert "created" in created.stdout
    family[0].kill()
    assert psutil.wait_procs(family, timeout=30)[1] == []
    assert hands.status()["phase"] == "stopped"
    refused = hands.labkit("kubectl", "get", "configmap", "kept")
    assert refused.returncode == 1
    assert "labkit start" in refused.stderr
    assert hands.labkit("start").returncode == 0
    kept = hands.labkit("kubectl", "get", "configmap", "kept", "-o", "jsonpath={.data.a}")
    assert kept.stdout == "1"


def test_a_taken_port_is_refused_and_a_free_one_is_kept(hands: Hands) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        refused = hands.labkit("up", "--api-port", taken)
        assert refused.returncode == 1
        assert f"Port {taken} on 127.0.0.1 cannot be used" in refused.stderr
    wanted = hands.labkit("up", "--api-port", taken, "--json")
    assert json.loads(wanted.stdout)["api"].endswith(f":{taken}")
    hands.labkit("stop")
    again = hands.labkit("up", "--json")
    assert json.loads(again.stdout)["api"].endswith(f":{taken}")


def test_kubeconfig_is_merged_only_when_asked(hands: Hands) -> None:
    own = hands.home / ".kube" / "config"
    own.parent.mkdir()
    own.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "contexts": [], "clusters": [], "users": []}))
    before = own.read_text()
    assert hands.labkit("up").returncode == 0
    assert own.read_text() == before
    merged = hands.labkit("up", "--merge-kubeconfig")
    assert "backup" in merged.stdout
    assert yaml.safe_load(own.read_text())["current-context"] == "labkit-default"
    assert [path.read_text() for path in own.parent.glob("config.before-labkit-*")] == [before]


def test_a_full_disk_is_named(hands: Hands) -> None:
    state = hands.home / "state"
    state.mkdir()
    script = f'mount -t tmpfs -o size=2m tmpfs {state}; exec "$@"'
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", *LABKIT, "up"], env=hands.environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "space left" in done.stderr
    assert "Traceback" not in done.stderr
