"""The session's cluster, which the tests beside this folder use as well, and the conformance program for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from labkit import cluster

from .suite import Suite


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    yield Suite(cluster.up("pytest"))
    if os.environ.get("LABKIT_KEEP") != "1":
        cluster.down("pytest")
