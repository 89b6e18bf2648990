"""One cluster for all tests of a session, and a namespace for each test.

LABKIT_KEEP=1 leaves the cluster running afterwards, so that the next session has it at once.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from kubectl import Kubectl

from labkit import cluster
from labkit.lab import Lab

NAME = "pytest"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    yield Lab.up(name=NAME)
    if os.environ.get("LABKIT_KEEP") != "1":
        cluster.down(NAME)


@pytest.fixture
def namespace(lab: Lab) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    made = lab.access.run_kubectl("create", "namespace", name)
    assert made.returncode == 0, made.stderr
    yield name
    lab.access.run_kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def kubectl(lab: Lab, namespace: str) -> Kubectl:
    """The plain kubectl in the test's namespace, which takes pods from now on."""
    here = Kubectl(lab.access, namespace)
    here.wait("serviceaccount/default", "create")
    return here
