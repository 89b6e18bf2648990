"""The real shim and runtime, with no Kubernetes: one node for all tests that do it no harm."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from node import Node
from pod import Pod

from labkit.cluster.embedded import build, programs


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    """Paths of all programs, with the folder of the generated API as "stubs"."""
    namespaces = ["unshare", "-Urnm", "-pf", "--kill-child", "--mount-proc", "true"]
    if subprocess.run(namespaces, check=False).returncode != 0:
        pytest.skip("this machine gives no user namespaces")
    build.build([programs.programs()["shim"]])
    return {**programs.paths(), "stubs": str(build.runtime_stubs())}


@pytest.fixture(scope="session")
def shared(tools: dict[str, str]) -> Iterator[Node]:
    with temporary() as folder, Node(folder, tools) as running:
        yield running


@pytest.fixture
def node(shared: Node) -> Iterator[Node]:
    """A node without pods. Other tests use it too: it must not be harmed."""
    yield shared
    for sandbox in shared.call("ListPodSandbox").items:
        shared.call("RemovePodSandbox", pod_sandbox_id=sandbox.id)


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary() as path:
        yield path


@pytest.fixture
def pod(node: Node) -> Pod:
    return Pod(node)


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Short, since the path of a unix socket may have 107 bytes only."""
    path = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
