"""Names of signals, as images and the CRI spell them."""

from __future__ import annotations

import signal


def number(name: str) -> int:
    """SIGTERM, or SIGRTMINPLUS3 and SIGRTMAXMINUS3 as the CRI has them. Raises KeyError for a name there is not."""
    base, plus, offset = name.replace("MINUS", "PLUS-").partition("PLUS")
    return int(signal.Signals[base]) + (int(offset) if plus else 0)
