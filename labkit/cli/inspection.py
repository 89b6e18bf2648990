"""labkit status, doctor, logs, images."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import Annotated

import typer

from labkit import cluster
from labkit.cli.console import DEFAULT_NAME, Json, Name, out, print_json
from labkit.cluster.embedded import components, programs
from labkit.cluster.embedded.cluster import EmbeddedCluster
from labkit.errors import LabError


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(status)
    app.command()(doctor)
    app.command()(logs)
    app.command()(images)


def status(name: Name = DEFAULT_NAME, json: Json = False) -> None:
    """Show whether the cluster runs, where it answers, and each component."""
    this = EmbeddedCluster(name)
    known = this.status()
    if known is None:
        phase = "stopped" if this.state.exists else "absent"
        others = [other for other in cluster.names() if other != name]
        if json:
            print_json({"name": name, "phase": phase, "others": others})
            return
        hint = f"labkit start{this.option()}" if phase == "stopped" else f"labkit up{this.option()}"
        out.print(f"The cluster [bold]{name}[/] is {phase}. Next: {hint}")
        if others:
            out.print(f"Other clusters: {', '.join(others)} (labkit status --name ...)")
        return
    access = this.access()
    memory = _memory(known.pid)
    if json:
        facts = {"name": name, "provider": "embedded", "api": access.api_url, "gateway": access.gateway_url}
        print_json(facts | {"kubeconfig": str(access.kubeconfig), "rss_bytes": memory} | asdict(known))
        return
    from rich.table import Table

    out.print(f"The cluster [bold]{name}[/] is {known.phase} (embedded, {memory / 1e6:.0f} MB).")
    out.print(f"  API         {access.api_url}\n  gateway     {access.gateway_url}\n  kubeconfig  {access.kubeconfig}")
    table = Table("component", "state", "since", "restarts", "last exit", box=None, pad_edge=False)
    for component, shown in known.components.items():
        since = f"{max(0, time.time() - shown.since):.0f} s" if shown.since else ""
        table.add_row(component, shown.state, since, str(shown.restarts), shown.last_exit[:100])
    out.print(table)


def _memory(pid: int) -> int:
    """Resident bytes of the supervisor and everything below it."""
    import psutil

    try:
        top = psutil.Process(pid)
        return sum(process.memory_info().rss for process in [top, *top.children(recursive=True)])
    except psutil.Error:
        return 0


def doctor(json: Json = False) -> None:
    """Check what the lab needs from this machine, and say how to mend what is missing. Exits with 1 when something is."""
    from labkit.cluster.embedded import diagnosis

    found = diagnosis.examine()
    if json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            mark = "[green]ok  [/]" if finding.good else "[red]FAIL[/]" if finding.needed else "[yellow]note[/]"
            out.print(f"{mark} {finding.subject}: {finding.finding}")
            if finding.remedy:
                out.print("       next: " + finding.remedy.replace("\n", "\n             "))
    if not all(finding.good for finding in found if finding.needed):
        raise typer.Exit(1)


def logs(
    component: Annotated[str, typer.Argument(help="A component, e.g. kubelet, or supervisor.")],
    name: Name = DEFAULT_NAME,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the log grows.")] = False,
    tail: Annotated[int, typer.Option(help="How many of the last lines; 0 is all.", min=0)] = 0,
) -> None:
    """Print the log of one of the cluster's own processes."""
    state = EmbeddedCluster(name).state
    if component not in (*components.NAMES, "supervisor"):
        raise LabError(f"There is no component called {component!r}.", f"There are: {', '.join(components.NAMES)}, supervisor.")
    path = state.logs / f"{component}.log"
    if not path.exists():
        raise LabError(f"{component} has no log.", f"The cluster {name!r} has never been up.", "labkit up")
    options = ["-n", str(tail) if tail else "+1", *(["-F"] if follow else [])]
    os.execvp("tail", ["tail", *options, "--", str(path)])


def images(json: Json = False) -> None:
    """List the images that the embedded cluster can run."""
    from rich.table import Table

    from labkit.cluster.embedded.cri.images import Catalogue
    from labkit.cluster.embedded.cri.names import familiar

    catalogue = Catalogue.load(programs.CATALOGUE, programs.paths())
    rows: dict[str, tuple[list[str], set[str]]] = {}
    for image in catalogue.images:
        for repository in image.repositories:
            tags, missing = rows.setdefault(familiar(repository), ([], set()))
            tags += image.tags
            missing |= set(catalogue.missing(image))
    if json:
        print_json([{"image": name, "tags": tags, "missing": sorted(missing)} for name, (tags, missing) in rows.items()])
        return
    table = Table("image", "tags", "to build first", box=None, pad_edge=False)
    for name, (tags, missing) in rows.items():
        table.add_row(name, ", ".join(tags), ", ".join(sorted(missing)))
    out.print(table)
