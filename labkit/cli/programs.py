"""labkit build."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from labkit.cli.console import Json, out, print_json, progress
from labkit.cluster.embedded import build as builder
from labkit.cluster.embedded import programs


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(build)


def build(
    names: Annotated[list[str] | None, typer.Argument(help="Programs or stages; the cluster's own when left out.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="First check what is built and the caches, and remove what is damaged.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--list", help="Only list the programs and whether they are built.")] = False,
    json: Json = False,
) -> None:
    """Build the cluster's programs from source, once. Interrupted, it continues where it was."""
    wanted = programs.select(names or ["cluster"])
    if dry_run:
        absent = builder.missing(wanted)
        rows = {program.name: program not in absent for program in wanted}
        if json:
            print_json(rows)
            return
        for name, present in rows.items():
            out.print(f"{'built ' if present else 'absent'} {name}")
        return
    began = time.monotonic()
    with progress() as report:
        damaged = builder.verify(wanted, report) if verify else []
        if verify:
            builder.mend(report)
        built = builder.build(wanted, report)
        builder.runtime_stubs(report)
    if json:
        print_json({"built": [program.name for program in built], "damaged": [program.name for program in damaged]})
        return
    if damaged:
        out.print(f"Damaged and made again: {', '.join(program.name for program in damaged)}.")
    out.print(f"Built {len(built)} programs in {time.monotonic() - began:.0f} s." if built else "Everything is built already.")
