"""The progress of long work under a notebook's cell: one line that changes while it goes on, then stays."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labkit.cluster.progress import Report, Step, silent

_PAUSE = 0.2  # s between two updates; every update is a message to the browser


@contextmanager
def shown(done: str) -> Iterator[Report]:
    """A Report that shows steps under the cell that runs, and nothing outside a notebook; done: what stands there in the end.

    Nothing at all is shown when there was no step to tell.
    """
    if not in_notebook():
        yield silent
        return
    line = _Line()
    try:
        yield line.report
    except BaseException:
        line.end("It did not come to its end; the error below says why.")
        raise
    line.end(done)


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel. IPython is not imported to find that out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


class _Line:
    """The display, made with the first step."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._title = ""
        self._updated = 0.0

    def report(self, step: Step) -> None:
        now = time.monotonic()
        if step.title == self._title and now - self._updated < _PAUSE:
            return
        self._title, self._updated = step.title, now
        self._show(_bar(step) + html.escape(str(step)), str(step))

    def end(self, text: str) -> None:
        if self._handle is not None:
            self._show(html.escape(text), text)

    def _show(self, page: str, text: str) -> None:
        from IPython.display import display

        bundle = {"text/html": f'<div role="status">{page}</div>', "text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)


def _bar(step: Step) -> str:
    value = f' value="{step.done}" max="{step.total}"' if step.total else ""
    return f'<progress aria-label="{html.escape(step.title)}"{value}></progress> '
