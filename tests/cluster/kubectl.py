"""The plain kubectl program for tests: each test has a namespace of its own, and waits watch under one bound."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from labkit.cluster.access import Access

LIMIT = 60
"""Seconds after which a wait fails. What a test expects is there as soon as the cluster has done it."""

SHELL = "busybox:1.37"
PODINFO = "ghcr.io/stefanprodan/podinfo:6.9.2"
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.59"

Manifest = dict[str, Any]


class Kubectl:
    """Runs kubectl in one namespace."""

    def __init__(self, access: Access, namespace: str) -> None:
        self.access = access
        self.namespace = namespace

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """What it prints; it must succeed."""
        run = self.run(*args, stdin=stdin)
        assert run.returncode == 0, f"kubectl {' '.join(args)}: {run.stderr}"
        return run.stdout

    def fails(self, *args: str, stdin: str | None = None) -> str:
        """Its error message; it must fail."""
        run = self.run(*args, stdin=stdin)
        assert run.returncode != 0, f"kubectl {' '.join(args)} did not fail: {run.stdout}"
        return run.stderr

    def run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.access.run_kubectl("--namespace", self.namespace, *args, stdin=stdin)

    def apply(self, *manifests: Manifest) -> None:
        self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))

    def get(self, *what: str) -> Manifest:
        found: Manifest = json.loads(self("get", *what, "-o", "json"))
        return found

    def items(self, *what: str) -> list[Manifest]:
        found: list[Manifest] = self.get(*what)["items"]
        return found

    def wait(self, what: str, condition: str) -> None:
        """condition: "Ready", "delete", "jsonpath={.status.phase}=Failed". When it does not come, show what the cluster says."""
        condition = condition if "=" in condition or condition in ("create", "delete") else f"condition={condition}"
        run = self.run("wait", what, f"--for={condition}", f"--timeout={LIMIT}s")
        if run.returncode != 0:
            described = self.run("describe", what).stdout
            pytest.fail(f"{what} does not come to {condition}: {run.stderr}\n{described}\n{self.run('get', 'events').stdout}")

    def until(self, what: str, path: str, value: str) -> None:
        """Wait until the field at a JSON path, such as .status.phase, has this value."""
        self.wait(what, f"jsonpath={{{path}}}={value}")

    def eventually(self, what: str, found: Callable[[], Any]) -> Any:
        """Ask until the answer is true; returns it. For what cannot be watched, such as an answer over the network."""
        deadline = time.monotonic() + LIMIT
        while not (answer := found()):
            assert time.monotonic() < deadline, f"not within {LIMIT} s: {what}"
            select.select([], [], [], 0.1)
        return answer

    def container(self, pod: str, name: str = "main") -> Manifest:
        """The status of a pod's container."""
        status = self.get("pod", pod)["status"]
        (found,) = (
            each
            for kind in ("containerStatuses", "initContainerStatuses")
            for each in status.get(kind, [])
            if each["name"] == name
        )
        return found

    def sh(self, pod: str, script: str) -> str:
        """What a shell in a pod prints."""
        return self("exec", pod, "--", "sh", "-c", script).strip()

    def fetch(self, pod: str, host: str, port: int, path: str) -> str:
        """What a web server answers a pod, or the trouble. With nothing but bash, since a pod has only the host's programs."""
        script = 'exec 3<>"/dev/tcp/$0/$1" && printf "GET $2 HTTP/1.0\\r\\nHost: $0\\r\\n\\r\\n" >&3 && cat <&3'
        run = self.run("exec", pod, "--", "timeout", "10", "bash", "-c", script, host, str(port), path)
        return run.stdout + run.stderr

    @contextmanager
    def background(self, *args: str) -> Iterator[Background]:
        """A kubectl that goes on: get -w, logs -f, port-forward."""
        process = subprocess.Popen(
            [str(self.access.kubectl), "--namespace", self.namespace, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.access.environment(),
        )
        assert process.stdout is not None
        try:
            yield Background(process, process.stdout.fileno())
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def terminal(self, *args: str, columns: int = 80) -> Iterator[Background]:
        """A kubectl on a terminal of its own: exec -it, attach -it, run -it."""
        pid, master = pty.fork()
        if pid == 0:
            environment = self.access.environment() | {"TERM": "xterm"}
            os.execve(self.access.kubectl, ["kubectl", "--namespace", self.namespace, *args], environment)
        import fcntl
        import struct
        import termios

        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = _Child(pid)
        try:
            yield Background(process, master, master)
        finally:
            process.kill()
            process.wait()
            os.close(master)

    @contextmanager
    def forward(self, target: str, port: int) -> Iterator[str]:
        """Port-forward to a port of `target`; yields http://127.0.0.1:PORT."""
        with self.background("port-forward", target, f":{port}") as forwarding:
            line = forwarding.read(r"Forwarding from 127\.0\.0\.1:(\d+)")
            yield f"http://127.0.0.1:{line[1]}"


class Background:
    """A program that runs; what it prints is read as it comes."""

    def __init__(self, process: subprocess.Popen[bytes] | _Child, output: int, terminal: int = -1) -> None:
        self.process = process
        self.text = ""
        self._seen = 0
        self._output = output
        self._terminal = terminal

    def read(self, pattern: str) -> re.Match[str]:
        """Read on until the expression is found in what came since the last match."""
        deadline = time.monotonic() + LIMIT
        while not (match := re.search(pattern, self.text[self._seen :], re.MULTILINE)):
            ready, _, _ = select.select([self._output], [], [], max(0.0, deadline - time.monotonic()))
            chunk = self._chunk() if ready else b""
            if not chunk:
                how = "the program ended" if ready else f"the program has not ended within {LIMIT} s"
                pytest.fail(f"{how}, without {pattern!r}; it printed:\n{self.text}")
            self.text += chunk.decode(errors="replace")
        self._seen += match.end()
        return match

    def read_all(self, *patterns: str) -> None:
        """Read on until all expressions have been found, in whatever order."""
        for pattern in patterns:
            self._seen = 0
            self.read(pattern)

    def _chunk(self) -> bytes:
        try:
            return os.read(self._output, 65536)
        except OSError:  # how a terminal tells that nobody is at its other end any more
            return b""

    def type(self, text: str) -> None:
        """Write to the program's input."""
        if self._terminal >= 0:
            os.write(self._terminal, text.encode())
        else:
            assert isinstance(self.process, subprocess.Popen)
            assert self.process.stdin is not None
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()

    def end(self) -> int:
        """Close the input, read what is left, and return the exit code."""
        if isinstance(self.process, subprocess.Popen) and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.stdin = None
        deadline = time.monotonic() + LIMIT
        while True:
            ready, _, _ = select.select([self._output], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"the program does not end; it printed:\n{self.text}"
            chunk = self._chunk()
            if not chunk:
                return self.process.wait()
            self.text += chunk.decode(errors="replace")


class _Child:
    """A forked process, with the two methods of Popen that are needed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            os.kill(self.pid, 9)

    def wait(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code


# -- manifests ----------------------------------------------------------------------------------------------------------------


def container(name: str = "main", *, image: str = SHELL, sh: str = "", **fields: Any) -> Manifest:
    """A container; sh: a script that it runs."""
    script = {"command": ["sh", "-c", sh]} if sh else {}
    return {"name": name, "image": image, **script, **fields}


def pod(name: str, *containers: Manifest, labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
    """A pod. Without containers: one that a test may run commands in."""
    chosen = list(containers) or [container(command=["sleep", "infinity"])]
    return {"apiVersion": "v1", "kind": "Pod", **template(*chosen, labels=labels or {"app": name}, name=name, **spec)}


def template(*containers: Manifest, labels: dict[str, str], name: str = "", **spec: Any) -> Manifest:
    """A pod without kind. It has no grace period: as first process of a container a shell does not end at SIGTERM."""
    metadata: Manifest = {"labels": labels} | ({"name": name} if name else {})
    return {"metadata": metadata, "spec": {"terminationGracePeriodSeconds": 0, "containers": list(containers), **spec}}


def deployment(name: str, *containers: Manifest, replicas: int = 1, **spec: Any) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(*containers, labels={"app": name}),
            **spec,
        },
    }


def podinfo(*args: str, **fields: Any) -> Manifest:
    """A container that answers on port 9898, and is ready when it does."""
    probe = {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1}
    command = ["./podinfo", "--port=9898", *args]
    return {"name": "main", "image": PODINFO, "command": command, "readinessProbe": probe, **fields}


def service(name: str, port: int = 80, target: int = 9898, **spec: Any) -> Manifest:
    ports = [{"name": "http", "port": port, "targetPort": target}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def config_map(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
