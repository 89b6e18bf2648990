"""What the command line shows: progress while work goes on, tables, and errors with the next command."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from labkit.cluster import DEFAULT
from labkit.cluster.progress import Report, Step
from labkit.errors import LabError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Name = Annotated[str, typer.Option("--name", envvar="LABKIT_NAME", help="Which cluster, when there is more than one.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
DEFAULT_NAME = DEFAULT

_QUIET_SECONDS = 5.0


def fail(error: LabError) -> None:
    """Print an error to standard error."""
    text = Text()
    text.append("error: ", "bold red").append(error.what)
    if error.why:
        text.append("\n  why:  ", "bold").append(error.why.replace("\n", "\n        "))
    if error.next:
        text.append("\n  next: ", "bold green").append(error.next.replace("\n", "\n        "))
    err.print(text)


def print_json(value: Any) -> None:
    """Print `value` as JSON, for scripts."""
    typer.echo(json.dumps(value, indent=2))


@contextmanager
def progress() -> Iterator[Report]:
    """Show steps on standard error: a live line on a terminal, a line now and then elsewhere."""
    if not err.is_terminal:
        yield _Lines().report
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=str(step), completed=step.done, total=step.total or None)


class _Lines:
    """Steps as lines in a log: each new title at once, details at most every few seconds."""

    def __init__(self) -> None:
        self.title = ""
        self.printed = 0.0

    def report(self, step: Step) -> None:
        now = time.monotonic()
        if step.title != self.title or now - self.printed > _QUIET_SECONDS:
            self.title, self.printed = step.title, now
            err.print(str(step))
