"""Waiting for the cluster: one watch under one timeout, without polling."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from labkit.ops.api import Api, Object

T = TypeVar("T")


def until(api: Api, path: str, decide: Callable[[list[Object]], T | None], timeout: float, **query: str) -> T | None:
    """Watch the list at `path` until `decide(its objects)` is not None; returns that, or None when `timeout` seconds have passed.

    The watch goes on where it was after a dropped connection, and starts from a new list when the server has forgotten that
    place (410 Gone). Raises whatever `decide` raises, and LabError when the API server does not answer any more.
    """
    end = time.monotonic() + timeout
    for objects in _states(api, path, end, query):
        decision = decide(objects)
        if decision is not None:
            return decision
    return None


def _states(api: Api, path: str, end: float, query: dict[str, str]) -> Iterator[list[Object]]:
    """The objects of the list as they are now, and again after every change, until the time `end`."""
    version, objects = "", dict[str, Object]()
    while True:
        if not version:
            listing = api.get(path, **query)
            version = listing["metadata"]["resourceVersion"]
            objects = {obj["metadata"]["uid"]: obj for obj in listing["items"]}
            yield list(objects.values())
        left = end - time.monotonic()
        if left <= 0:
            return
        for event in api.watch(path, left, resourceVersion=version, **query):
            kind, obj = event["type"], event["object"]
            if kind == "ERROR":
                version = ""
                break
            version = obj["metadata"]["resourceVersion"]
            if kind == "BOOKMARK":
                continue
            if kind == "DELETED":
                objects.pop(obj["metadata"]["uid"], None)
            else:
                objects[obj["metadata"]["uid"]] = obj
            yield list(objects.values())
