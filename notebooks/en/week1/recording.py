"""What the lesson waits for and writes down while a rollout goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pandas as pd

from labkit import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.ops.deployment import Deployment
    from labkit.traffic import Traffic

_PAUSE = 0.1  # s between two looks


def until(holds: Callable[[], bool], what: str, timeout: float = 60) -> None:
    """Look again and again until `holds()` is true; what: the words for it in the error when it does not come true."""
    end = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > end:
            raise LabError(
                f"After {timeout:g} s there is still no sign of this: {what}.", next="Run the section's cells again, in order."
            )
        time.sleep(_PAUSE)


def until_answered(traffic: Traffic, count: int) -> None:
    """Wait until `count` more requests are done, so that a picture shows what was before and after."""
    goal = traffic.summary().requests + count
    until(lambda: traffic.summary().requests >= goal, f"{count} more answers")


def watch_rollout(app: Deployment, timeout: float = 90) -> pd.DataFrame:
    """The ReplicaSets at every moment until the rollout is complete or stuck, a row each: time, image, current, ready."""
    looks: list[pd.DataFrame] = []

    def over() -> bool:
        status = app.status()
        sets = app.replicasets().groupby("image", as_index=False)[["current", "ready"]].sum()
        looks.append(sets.assign(time=pd.Timestamp.now("UTC")))
        return status.complete or status.stuck

    until(over, f"the end of the rollout of {app.name}", timeout)
    return pd.concat(looks, ignore_index=True)


def extremes(seen: pd.DataFrame) -> tuple[int, int]:
    """The fewest ready pods and the most pods that there were at any moment of a rollout."""
    moments = seen.groupby("time")[["current", "ready"]].sum()
    return int(moments["ready"].min()), int(moments["current"].max())
