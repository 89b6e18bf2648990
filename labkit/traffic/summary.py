"""Recorded requests, counted."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from labkit.traffic.request import Request


@dataclass(frozen=True, repr=False)
class TrafficSummary:
    """requests: how many there were. failed: how many got no answer, or a 4xx or 5xx.

    by_version: how many answers that did not fail came from each version.
    """

    requests: int
    failed: int
    by_version: dict[str, int]

    @classmethod
    def of(cls, requests: Iterable[Request]) -> TrafficSummary:
        """Count requests."""
        known = list(requests)
        good = Counter(request.version for request in known if not request.failed)
        return cls(len(known), sum(request.failed for request in known), dict(sorted(good.items())))

    def __repr__(self) -> str:
        versions = ", ".join(f"{version or 'unnamed'} {count}" for version, count in self.by_version.items())
        return f"{self.requests} requests, {self.failed} failed" + (f"; answered by {versions}" if versions else "")

    def _repr_html_(self) -> str:
        rows = [("requests", self.requests), ("failed", self.failed)]
        rows += [(f"answered by {version or 'unnamed'}", count) for version, count in self.by_version.items()]
        cells = "".join(f"<tr><th>{html.escape(name)}</th><td>{count}</td></tr>" for name, count in rows)
        return f"<table>{cells}</table>"
