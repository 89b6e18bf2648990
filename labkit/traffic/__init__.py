"""Traffic: a steady stream of real requests from a process of its own, every outcome recorded."""

from labkit.traffic.request import Request
from labkit.traffic.summary import TrafficSummary
from labkit.traffic.traffic import Traffic

__all__ = ["Request", "Traffic", "TrafficSummary"]
