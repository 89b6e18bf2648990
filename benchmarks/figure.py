"""One measured figure: its runs, its target, and what it is compared with in the same run."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """values: of each run, in `unit`. target: no more than this. floor: what the same run measured as the least possible."""

    name: str
    values: list[float]
    unit: str
    target: float
    floor: float | None = None
    floor_name: str = ""

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.values)

    def row(self) -> list[str]:
        """Cells: name, median, smallest to largest, target, ratio to the target, ratio to the floor."""
        spread = f"{min(self.values):.2f} to {max(self.values):.2f}" if len(self.values) > 1 else ""
        floor = f"{self.median / self.floor:.2f} x {self.floor_name} ({self.floor:.2f})" if self.floor else ""
        return [
            self.name,
            f"{self.median:.2f} {self.unit}",
            spread,
            f"{self.target:g} {self.unit}",
            f"{self.median / self.target:.2f}",
            floor,
        ]
