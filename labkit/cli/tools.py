"""labkit kubectl, shell."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from labkit import cluster
from labkit.cli.console import DEFAULT_NAME, Name, err


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    passing_on = {
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": ["--labkit-help"],
    }
    app.command(context_settings=passing_on)(kubectl)
    app.command()(shell)


def kubectl(
    arguments: Annotated[list[str] | None, typer.Argument(help="What you would give to kubectl.")] = None,
    name: Name = DEFAULT_NAME,
) -> None:
    """Run the plain kubectl on the cluster."""
    access = cluster.current(name)
    os.execve(access.kubectl, ["kubectl", *(arguments or [])], access.environment())


def shell(name: Name = DEFAULT_NAME) -> None:
    """Open a shell in which kubectl talks to the cluster."""
    access = cluster.current(name)
    program = os.environ.get("SHELL") or "/bin/sh"
    err.print(f"kubectl now talks to the cluster [bold]{name}[/]. Leave with: exit")
    os.execve(program, [program], access.environment())
