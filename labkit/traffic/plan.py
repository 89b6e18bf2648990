"""What a load generator is told to do."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.errors import LabError

_MOST = 5000  # requests/s; one core cannot send more, so that asking for it would only measure this machine


@dataclass(frozen=True)
class Plan:
    """url: where to send. host: the Host header, by which the gateway chooses the route. rps: requests a second. timeout:
    seconds."""

    url: str
    host: str
    rps: float
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.rps <= _MOST:
            raise LabError(
                f"{self.rps:g} requests a second cannot be sent.", f"rps is more than 0 and at most {_MOST}.", "rps=50"
            )
