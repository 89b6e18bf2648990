"""The one error that a learner sees: what happened, why, and the next command to run."""

from __future__ import annotations


class LabError(Exception):
    """A failure explained to a person.

    what: what happened, one sentence. why: the cause as far as it is known, may be several lines.
    next: the command to run, or the thing to change, next.
    """

    def __init__(self, what: str, why: str = "", next: str = "") -> None:
        self.what = what
        self.why = why
        self.next = next
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"  why:  {self.why}".replace("\n", "\n        "))
        if self.next:
            lines.append(f"  next: {self.next}".replace("\n", "\n        "))
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback (an IPython protocol)."""
        return str(self).splitlines()
