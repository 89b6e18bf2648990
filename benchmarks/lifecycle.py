"""The cluster's life: up, stop, start, down, and the memory it takes."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

from benchmarks.figure import Figure
from labkit.cluster.embedded.cluster import EmbeddedCluster

NAME = "bench"
RUNS = 3


def labkit(*arguments: str) -> float:
    """Run the labkit command; returns the seconds that it took, from the outside."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "labkit.cli", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def resident() -> float:
    """MB resident of every process of the cluster, its pods included."""
    status = EmbeddedCluster(NAME).status()
    assert status is not None
    top = psutil.Process(status.pid)
    return sum(process.memory_info().rss for process in [top, *top.children(recursive=True)]) / 1e6


def api_server_ready() -> float:
    """Seconds from the supervisor's start to the API server being ready: the part of `up` that nothing can start before."""
    status = EmbeddedCluster(NAME).status()
    assert status is not None
    return status.components["kube-apiserver"].since - status.started


def measure() -> list[Figure]:
    """Every figure of this module. Leaves the last cluster running."""
    ups, stops, starts, downs, floors, memory = [], [], [], [], [], []
    for _ in range(RUNS):
        downs.append(labkit("down", "--name", NAME, "--yes"))
        ups.append(labkit("up", "--name", NAME))
        floors.append(api_server_ready())
        memory.append(resident())
        stops.append(labkit("stop", "--name", NAME))
        starts.append(labkit("start", "--name", NAME))
    floor = sorted(floors)[RUNS // 2]
    return [
        Figure("up: node Ready, gateway answering", ups, "s", 6, floor, "API server ready"),
        Figure("stop", stops, "s", 2),
        Figure("start after stop", starts, "s", 6, floor, "API server ready"),
        Figure("down", downs[1:], "s", 2),
        Figure("memory of the whole cluster", memory, "MB", 900),
    ]
