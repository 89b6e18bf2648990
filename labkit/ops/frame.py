"""Tables as pandas DataFrames; the only module of the operations that imports pandas, and late, because the import is slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame


def frame(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> DataFrame:
    """A DataFrame with these columns, also when there is no row."""
    from pandas import DataFrame

    return DataFrame([list(row) for row in rows], columns=list(columns))
