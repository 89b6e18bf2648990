"""Running the Go toolchain, and telling in plain words why it failed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labkit.cluster import folders
from labkit.cluster.embedded import programs
from labkit.errors import LabError

_NETWORK = ("dial tcp", "no such host", "i/o timeout", "connection refused", "TLS handshake", "network is unreachable")
_CORRUPT = ("checksum mismatch", "not a valid zip", "unexpected EOF", "build cache", "could not import", "corrupt")

_PROGRESS = re.compile(r"(stale |go: downloading .*|# )?[\w./@~+-]*( v\S+)?|[{}]")
"""Lines that only tell how far it is: packages, modules being fetched."""


class GoFailedError(Exception):
    """The toolchain ended with an error; `output` has its last lines."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output

    @property
    def looks_corrupt(self) -> bool:
        """True when damage to the caches would explain the failure."""
        return any(sign in self.output for sign in _CORRUPT)

    def explain(self) -> LabError:
        """The failure as a person can act on it."""
        if "no space left on device" in self.output or "disk quota exceeded" in self.output:
            free = shutil.disk_usage(folders.cache()).free / 1e9
            return LabError(
                "The disk is full: the build stopped.",
                f"{folders.cache()} has {free:.1f} GB free; a first build needs about 7 GB.",
                "Free some space, or point LABKIT_CACHE at a larger disk, and run the same command again: it continues.",
            )
        if any(sign in self.output for sign in _NETWORK):
            return LabError(
                "The sources could not be downloaded: the build stopped.",
                self.output,
                "Check the network (or GOPROXY, if you are behind a proxy) and run the same command again: it continues.",
            )
        return LabError(
            "The build failed.",
            self.output,
            "labkit build --verify   (checks the caches and mends what is damaged)",
        )


def environment() -> dict[str, str]:
    """The environment of every Go command: caches of our own, no other toolchain, no C compiler needed."""
    home = folders.cache() / "go"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GO", "CGO"))}
    proxies = {key: os.environ[key] for key in ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE") if key in os.environ}
    return (
        kept
        | proxies
        | {
            "GOROOT": str(programs.toolchain().parents[1]),
            "GOMODCACHE": str(home / "mod"),
            "GOCACHE": str(home / "build"),
            "GOTMPDIR": str(folders.make_private(home / "tmp")),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOENV": "off",
            "GOTELEMETRY": "off",
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false -modcacherw",
        }
    )


def lines(*arguments: str, folder: Path, merged: bool = True) -> Iterator[str]:
    """Run `go ARGUMENTS` in `folder` and yield what it prints, line by line.

    merged: standard error too. Leaving the loop early, or an interrupt, ends the toolchain and its compilers.
    Raises GoFailedError when it exits with an error.
    """
    command = [*_dying_with_us(), str(programs.toolchain()), *arguments]
    said: list[str] = []
    with _process_group(command, folder, merged) as process:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.rstrip("\n")
            if not _PROGRESS.fullmatch(text):
                said = [*said[-19:], text]
            yield text
        if process.wait() != 0:
            raise GoFailedError("\n".join(said))


def _dying_with_us() -> list[str]:
    """A prefix with which a command is killed when its parent dies, even by SIGKILL."""
    setpriv = programs.find_on_path("setpriv")
    return [str(setpriv), "--pdeathsig", "KILL"] if setpriv else []


@contextmanager
def _process_group(command: list[str], folder: Path, merged: bool) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else None,
        text=True,
        process_group=0,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def mend(report: Callable[[str], None]) -> None:
    """Make damaged caches good again: modified modules are removed (to be fetched anew), compiled packages forgotten."""
    home = folders.cache() / "go"
    report("checking the downloaded sources")
    try:
        for _ in lines("mod", "verify", folder=programs.GRAPH):
            pass
    except GoFailedError:
        shutil.rmtree(home / "mod", ignore_errors=True)
    shutil.rmtree(home / "build", ignore_errors=True)
