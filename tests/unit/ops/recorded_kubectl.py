"""kubectl as a shell script."""

from __future__ import annotations

from collections.abc import Callable

from labkit.cluster.access import Access

MakeAccess = Callable[..., Access]
