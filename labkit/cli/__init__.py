"""The `labkit` command."""

from __future__ import annotations

import signal
import sys

import typer

from labkit.cli import inspection, jupyter, lifecycle, programs, tools
from labkit.cli.console import fail
from labkit.errors import LabError

app = typer.Typer(
    name="labkit",
    help="A real Kubernetes cluster for learning how software is delivered on it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (lifecycle, inspection, programs, tools, jupyter):
    module.register(app)


class _InterruptedError(BaseException):
    """Ctrl-C or SIGTERM. Not a KeyboardInterrupt, which typer would swallow without a word."""


def _interrupt(*_: object) -> None:
    raise _InterruptedError


def main() -> None:
    """Run the command line. A failure a person can act on exits with 1, an interrupt with 130."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app()
    except LabError as error:
        fail(error)
        sys.exit(1)
    except _InterruptedError:
        fail(LabError("Interrupted. Nothing half-made is left; the same command continues."))
        sys.exit(130)
