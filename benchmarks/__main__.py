"""`python -m benchmarks [lifecycle] [pods] [cold]`: measure and print; cold builds everything anew and takes minutes."""

from __future__ import annotations

import os
import platform
import sys
import tempfile

from rich.console import Console
from rich.table import Table

from benchmarks import lifecycle, pods
from benchmarks.figure import Figure


def cold() -> list[Figure]:
    """Building every server from empty caches, in a cache folder of its own that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="labkit-cold-") as cache:
        os.environ["LABKIT_CACHE"] = cache
        took = lifecycle.labkit("build")
        del os.environ["LABKIT_CACHE"]
    return [Figure("servers built from nothing", [took / 60], "min", 10)]


GROUPS = {"lifecycle": lifecycle.measure, "pods": pods.measure, "cold": cold}


def main(wanted: list[str]) -> None:
    """Measure the groups wanted and print a table."""
    if unknown := set(wanted) - set(GROUPS):
        sys.exit(f"error: there is no benchmark called {', '.join(sorted(unknown))}. next: choose of {', '.join(GROUPS)}")
    table = Table("figure", "median", "min to max", "target", "of target", "of the floor", box=None, pad_edge=False)
    try:
        for name in wanted or ["lifecycle", "pods"]:
            for figure in GROUPS[name]():
                table.add_row(*figure.row())
    finally:
        lifecycle.labkit("down", "--name", lifecycle.NAME, "--yes")
    console = Console(width=130)
    console.print(f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}")
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
