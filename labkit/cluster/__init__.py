"""Clusters: one seam over their providers. Everything above it speaks plain Kubernetes and never asks which provider it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.cluster import folders
from labkit.cluster.access import Access, Meanwhile, nothing
from labkit.cluster.progress import Report, silent
from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.cluster.embedded.cluster import EmbeddedCluster

DEFAULT = "default"
PROVIDERS = ("auto", "embedded")


def up(
    name: str = DEFAULT,
    provider: str = "auto",
    report: Report = silent,
    *,
    meanwhile: Meanwhile = nothing,
    api_port: int = 0,
    gateway_port: int = 0,
) -> Access:
    """Bring the cluster `name` up, or find it up; returns how to reach it. Its API answers and its node is Ready.

    meanwhile: called once the API answers, while the node may still be starting. Ports are on 127.0.0.1; 0 takes a free one.
    Raises LabError for an unknown provider, and when it cannot be brought up.
    """
    if provider not in PROVIDERS:
        raise LabError(f"There is no provider called {provider!r}.", f"There are: {', '.join(PROVIDERS)}.", "labkit up")
    cluster = _cluster(name)
    cluster.up(report, meanwhile, api_port, gateway_port)
    return cluster.access()


def require(name: str = DEFAULT) -> None:
    """Raise LabError unless there is a cluster `name`, running or stopped."""
    cluster = _cluster(name)
    if not cluster.state.exists:
        raise LabError(f"There is no cluster called {name!r}.", next=f"labkit up{cluster.option()}")


def stop(name: str = DEFAULT) -> bool:
    """End the cluster's processes and keep its state. Returns False when nothing ran."""
    return _cluster(name).stop()


def down(name: str = DEFAULT) -> bool:
    """End the cluster's processes and remove its state. Returns False when there was nothing."""
    return _cluster(name).down()


def current(name: str = DEFAULT) -> Access:
    """How to reach the running cluster `name`. Raises LabError when it does not run."""
    return _cluster(name).access()


def running(name: str = DEFAULT) -> bool:
    """True while the cluster `name` runs, or is being started."""
    return _cluster(name).state.running


def names() -> list[str]:
    """The names of all clusters that have state, running or not."""
    root = folders.state() / "clusters"
    return sorted(path.name for path in root.glob("[!.]*") if path.is_dir()) if root.exists() else []


def _cluster(name: str) -> EmbeddedCluster:
    """Imported late: the cluster's own processes import this package too, and have no use for the provider."""
    from labkit.cluster.embedded.cluster import EmbeddedCluster

    return EmbeddedCluster(name)
