"""labkit lab, clean."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from labkit import cluster
from labkit.cli.console import DEFAULT_NAME, Name, err, out
from labkit.cluster import folders
from labkit.cluster.embedded.cluster import EmbeddedCluster

_FIRST_LESSON = "en/week1/01_deployment.ipynb"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(lab)
    app.command()(clean)


def lab(
    name: Name = DEFAULT_NAME,
    port: Annotated[int, typer.Option(help="JupyterLab's port on 127.0.0.1; the next free one is taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open JupyterLab at the first lesson, and bring the cluster up meanwhile. Ctrl-C ends JupyterLab, not the cluster."""
    notebooks = folders.SOURCES.parent / "notebooks"
    log = folders.make_private(folders.state()) / "up.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "labkit.cli", "up", "--name", name]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    err.print("The cluster comes up in the background; the first cell of the lesson shows how far it is.")
    err.print(f"  its log       {log}")
    err.print("  when done     Ctrl-C here, then: labkit stop (keeps everything) or labkit down (removes it)")
    arguments = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={notebooks}",
        f"--LabApp.default_url=/lab/tree/{_FIRST_LESSON}",
        f"--ServerApp.open_browser={browser}",
        "--Application.log_level=WARN",
    ]
    if os.geteuid() == 0:
        arguments.append("--ServerApp.allow_root=True")
    programs = Path(sys.prefix) / "bin"
    environment = {
        "LABKIT_NAME": name,
        "KUBECONFIG": str(EmbeddedCluster(name).state.kubeconfig),
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    os.execve(programs / "jupyter-lab", ["jupyter-lab", *arguments], os.environ | environment)


def clean(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Remove every cluster with its state, and the built programs. Asks first."""
    doomed = [path for path in (folders.state(), folders.cache()) if path.exists()]
    if not doomed:
        out.print("There is nothing to remove.")
        return
    names = cluster.names()
    out.print("This removes:")
    out.print(f"  clusters      {', '.join(names) or 'none'}")
    for path in doomed:
        out.print(f"  folder        {path}")
    if not yes:
        typer.confirm("Remove them?", abort=True)
    for name in names:
        cluster.down(name)
    for path in doomed:
        shutil.rmtree(path)
    out.print("Removed.")
