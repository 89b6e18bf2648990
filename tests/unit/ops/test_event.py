from __future__ import annotations

from typing import Any

from labkit.ops.event import Event, of_workload


def event(kind: str, name: str, *, uid: str = "", version: str = "1", **fields: Any) -> dict[str, Any]:
    about = {"kind": kind, "name": name, "uid": uid}
    metadata = {"creationTimestamp": "2026-01-01T00:00:09Z", "resourceVersion": version}
    return {"metadata": metadata, "involvedObject": about, "reason": "R", "message": " m\n", "type": "Normal"} | fields


def test_both_forms_of_an_event() -> None:
    older = Event.of(event("Pod", "web-1", lastTimestamp="2026-01-01T00:00:01Z", count=4, eventTime=None))
    series = {"count": 3, "lastObservedTime": "2026-01-01T00:00:02.5Z"}
    newer = Event.of(event("Pod", "web-1", eventTime="2026-01-01T00:00:01.2Z", series=series, lastTimestamp=None))
    bare = Event.of(event("Pod", "web-1"))
    assert (older.time.second, older.count, older.about, older.message) == (1, 4, "pod/web-1", "m")
    assert (newer.time.microsecond, newer.count) == (500000, 3)
    assert (bare.time.second, bare.count) == (9, 1)


def test_a_workloads_events_are_its_own_its_replicasets_and_its_pods_also_gone_ones() -> None:
    objects = [
        event("Deployment", "web", uid="d"),
        event("Deployment", "web", uid="an earlier one of this name"),
        event("ReplicaSet", "web-abc", uid="r"),
        event("Pod", "web-abc-gone", uid="p"),
        event("Pod", "web-abcd-1", uid="of another ReplicaSet"),
    ]
    found = of_workload(objects, {"d", "r"}, ["web-abc"])
    assert [one.uid for one in found] == ["d", "r", "p"]


def test_oldest_first_and_within_a_second_by_revision() -> None:
    objects = [
        event("Pod", "web-1", version="12", lastTimestamp="2026-01-01T00:00:05Z"),
        event("Pod", "web-1", version="9", lastTimestamp="2026-01-01T00:00:05Z"),
        event("Pod", "web-1", version="15", lastTimestamp="2026-01-01T00:00:01Z"),
    ]
    assert [one.version for one in of_workload(objects, set(), ["web"])] == [15, 9, 12]
