"""One request and what became of it."""

from __future__ import annotations

import json
from typing import NamedTuple


class Request(NamedTuple):
    """time: when it was to be sent, in seconds since the epoch. latency_ms: from that moment to the end of the answer.

    status: the HTTP status, 0 when there was no answer. version, pod: who answered, as podinfo says in its JSON; "" for any
    other answer. error: why there was no answer, "" when there was.
    """

    time: float
    latency_ms: float
    status: int
    version: str
    pod: str
    error: str

    @property
    def failed(self) -> bool:
        """Whether it got no answer, or one that says that something is wrong (4xx, 5xx)."""
        return self.status == 0 or self.status >= 400


_DEFAULT_MESSAGE = "greetings from podinfo"


def who_answered(body: bytes) -> tuple[str, str]:
    """The version and the pod that an answer's body names, ("", "") when it is not podinfo's JSON.

    An image that bakes in a message, as the demo's tags do, is known by it; one that keeps podinfo's greeting, by podinfo's
    version.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(answer, dict):
        return "", ""
    message = str(answer.get("message", ""))
    version = message if message and not message.startswith(_DEFAULT_MESSAGE) else str(answer.get("version", ""))
    return version, str(answer.get("hostname", ""))
