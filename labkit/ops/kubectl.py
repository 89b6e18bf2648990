"""Running the plain kubectl program as a learner would in a terminal: its output appears as it comes."""

from __future__ import annotations

import codecs
import os
import selectors
import shlex
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.cluster.access import Access

_SHELL = {"|", ">", ">>", "<", "&&", "||", ";", "&"}
_FOLLOWING = {"-w", "--watch", "--watch-only", "--follow", "port-forward"}


def split(command: str) -> list[str]:
    """The arguments of a kubectl command line, split as a shell does; a leading "kubectl" may be there.

    Raises LabError for a quote that is not closed and for what only a shell or a terminal can do.
    """
    try:
        args = shlex.split(command)
    except ValueError as error:
        raise LabError("This is not a kubectl command.", f"{error}: {command}", "Close the quote.") from error
    if args[:1] == ["kubectl"]:
        args = args[1:]
    own = args[: args.index("--")] if "--" in args else args
    used = next((arg for arg in own if arg in _SHELL), None)
    if used:
        raise LabError(
            f"{used!r} belongs to a shell, and lab.kubectl runs kubectl without one.",
            "Every word goes to kubectl as it is written.",
            "labkit shell opens a shell in which kubectl speaks to this cluster.",
        )
    if args[:1] == ["edit"]:
        raise LabError("kubectl edit needs a terminal.", next="Change the YAML and lab.apply it, or use `labkit shell`.")
    return args


def show(access: Access, args: list[str], seconds: float | None = None) -> int:
    """Run kubectl and write its output to Python's stdout and stderr as it comes; returns its exit code.

    seconds: end it after that time, which counts as success; None leaves it running until it ends. Interrupting the
    cell ends it too, and is quiet for a command that would never end by itself (`-w`, `logs -f`, `port-forward`).
    """
    process = access.start_kubectl(*args)
    end = None if seconds is None else time.monotonic() + seconds
    try:
        if _copy(process, end):
            return process.wait()
        return 0
    except KeyboardInterrupt:
        if _follows(args):
            return 0
        raise
    finally:
        _stop(process)


def _copy(process: subprocess.Popen[bytes], end: float | None) -> bool:
    """Copy the program's output until it closes (True) or the time `end` has come (False)."""
    with selectors.DefaultSelector() as selector:
        for pipe, stream in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ, _Text(stream))
        while selector.get_map():
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 65536)
                key.data.write(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
    return True


class _Text:
    """Writes UTF-8 bytes, which may break off within a character, to a text stream."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, chunk: bytes) -> None:
        text = self._decoder.decode(chunk, final=not chunk)
        if text:
            self._stream.write(text)
            self._stream.flush()


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def _follows(args: list[str]) -> bool:
    return not _FOLLOWING.isdisjoint(args) or ("logs" in args and "-f" in args)
