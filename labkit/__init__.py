"""labkit: an interactive lab for learning how software is delivered on Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.lab import Lab

    __version__: str

__all__ = ["Lab", "LabError", "__version__"]


def __getattr__(name: str) -> object:
    """Lab and __version__ are loaded when they are asked for: importing labkit takes a few milliseconds only."""
    if name == "Lab":
        from labkit.lab import Lab

        return Lab
    if name == "__version__":
        from importlib.metadata import version

        return version("labkit")
    raise AttributeError(f"module 'labkit' has no attribute {name!r}")
