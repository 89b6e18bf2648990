"""labkit up, start, stop, down."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from labkit import cluster
from labkit.cli.console import DEFAULT_NAME, Json, Name, out, print_json, progress
from labkit.cluster import kubeconfig
from labkit.cluster.access import Access

Port = Annotated[int, typer.Option(help="Port on 127.0.0.1; a free one is taken when left out.", min=0, max=65535)]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(up)
    app.command()(start)
    app.command()(stop)
    app.command()(down)


def up(
    name: Name = DEFAULT_NAME,
    provider: Annotated[str, typer.Option(help="Which kind of cluster: auto or embedded.")] = "auto",
    api_port: Port = 0,
    gateway_port: Port = 0,
    merge_kubeconfig: Annotated[
        bool,
        typer.Option("--merge-kubeconfig", help="Also put the cluster into your own kubeconfig (a backup is kept)."),
    ] = False,
    json: Json = False,
) -> None:
    """Bring the cluster up. Run twice, it says that it is up."""
    from labkit.lab import Lab

    began, changed = time.monotonic(), not cluster.running(name)
    with progress() as report:
        lab = Lab.up(name, provider=provider, report=report, api_port=api_port, gateway_port=gateway_port)
    seconds = time.monotonic() - began
    backup = kubeconfig.merge(lab.access.kubeconfig, kubeconfig.user_path()) if merge_kubeconfig else None
    if json:
        print_json(_facts(lab.access) | {"seconds": round(seconds, 2), "changed": changed})
        return
    out.print(
        f"The cluster [bold]{name}[/] is up ({seconds:.1f} s)." if changed else f"The cluster [bold]{name}[/] is already up."
    )
    _tell(lab.access)
    if merge_kubeconfig:
        out.print(f"  merged      {kubeconfig.user_path()}" + (f" (backup: {backup})" if backup else ""))


def start(name: Name = DEFAULT_NAME, json: Json = False) -> None:
    """Start a stopped cluster, with everything that was in it."""
    from labkit.lab import Lab

    began = time.monotonic()
    cluster.require(name)
    with progress() as report:
        access = Lab.up(name, report=report).access
    if json:
        print_json(_facts(access) | {"seconds": round(time.monotonic() - began, 2)})
        return
    out.print(f"The cluster [bold]{name}[/] is started ({time.monotonic() - began:.1f} s).")
    _tell(access)


def stop(name: Name = DEFAULT_NAME) -> None:
    """End the cluster's processes; `labkit start` brings everything back."""
    stopped = cluster.stop(name)
    out.print(f"The cluster [bold]{name}[/] is stopped." if stopped else f"The cluster [bold]{name}[/] was not running.")


def down(
    name: Name = DEFAULT_NAME,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End the cluster and remove everything in it."""
    if not yes and name in cluster.names() and out.is_terminal:
        typer.confirm(f"Remove the cluster {name} and everything in it?", abort=True)
    removed = cluster.down(name)
    out.print(f"The cluster [bold]{name}[/] is gone." if removed else f"There was no cluster called [bold]{name}[/].")


def _facts(access: Access) -> dict[str, str]:
    return {
        "name": access.name,
        "kubeconfig": str(access.kubeconfig),
        "context": access.context,
        "api": access.api_url,
        "gateway": access.gateway_url,
    }


def _tell(access: Access) -> None:
    home = str(Path.home())
    shown = str(access.kubeconfig)
    shown = "~" + shown.removeprefix(home) if shown.startswith(home + "/") else shown
    out.print(f"  API         {access.api_url}\n  gateway     {access.gateway_url}\n  kubeconfig  {shown}")
    out.print("  try         labkit kubectl get nodes")
