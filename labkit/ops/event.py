"""Events: what the cluster's components say they did, and what went wrong."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from labkit.ops import age
from labkit.ops.api import Object

COLUMNS = ("time", "type", "reason", "object", "message", "count")


@dataclass(frozen=True)
class Event:
    """time: when it was last seen. type: "Normal" or "Warning". about, uid: the object, as "pod/web-1". count: how often it was
    seen."""

    time: datetime.datetime
    type: str
    reason: str
    about: str
    uid: str
    message: str
    count: int
    version: int

    @classmethod
    def of(cls, obj: Object) -> Event:
        """Read an Event's JSON, of which there is an older form (lastTimestamp, count) and a newer one (eventTime, series)."""
        series = obj.get("series") or {}
        stamp = series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime")
        about = obj["involvedObject"]
        return cls(
            time=age.parse(stamp or obj["metadata"]["creationTimestamp"]),
            type=obj.get("type", "Normal"),
            reason=obj.get("reason", ""),
            about=f"{about['kind'].lower()}/{about['name']}",
            uid=about.get("uid", ""),
            message=obj.get("message", "").strip(),
            count=series.get("count") or obj.get("count") or 1,
            version=int(obj["metadata"]["resourceVersion"]),
        )

    def row(self) -> tuple[Any, ...]:
        """The event as a row under COLUMNS."""
        return self.time, self.type, self.reason, self.about, self.message, self.count


def of_workload(objects: list[Object], uids: set[str], replicasets: list[str]) -> list[Event]:
    """The events about the objects with these uids and about the pods of these ReplicaSets, also of pods that are gone; oldest
    first."""
    events = [Event.of(obj) for obj in objects]
    prefixes = tuple(f"pod/{name}-" for name in replicasets)
    own = [event for event in events if event.uid in uids or event.about.startswith(prefixes)]
    # Times have a precision of one second; etcd's revision orders what happened within it.
    return sorted(own, key=lambda event: (event.time, event.version))
