"""How long work tells what it is doing. Work calls `report(Step(...))`; the command line, a notebook or a file shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A moment of some long work.

    title: what is being done, e.g. "Building the cluster's servers". detail: the part at hand, e.g. "kube-apiserver".
    done, total: units of work (packages, components); total is 0 when unknown. seconds_left: an estimate, or None.
    """

    title: str
    detail: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None

    def __str__(self) -> str:
        text = self.title
        if self.detail:
            text += f": {self.detail}"
        if self.total:
            text += f" ({self.done} of {self.total})"
        if self.seconds_left is not None:
            minutes, seconds = divmod(int(self.seconds_left), 60)
            text += f", about {minutes} min {seconds:02d} s left" if minutes else f", about {seconds} s left"
        return text


Report = Callable[[Step], None]


def silent(step: Step) -> None:
    """A Report that shows nothing."""
