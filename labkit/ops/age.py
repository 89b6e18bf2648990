"""Times of the API (RFC 3339) and kubectl's way of writing an age."""

from __future__ import annotations

import datetime


def now() -> datetime.datetime:
    """The time now, in UTC."""
    return datetime.datetime.now(datetime.UTC)


def parse(stamp: str) -> datetime.datetime:
    """A time as the API writes it, for instance "2026-01-02T03:04:05Z"."""
    return datetime.datetime.fromisoformat(stamp)


def human(age: datetime.timedelta) -> str:
    """An age as kubectl writes it, after HumanDuration of k8s.io/apimachinery: "59s", "2m5s", "12m", "3h4m", "2d3h"."""
    seconds = max(0, int(age.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
