"""What is loaded when: a notebook's first cell and the command line must not wait for what they do not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

import labkit

SLOW = ("kubernetes", "pandas", "altair", "aiohttp", "yaml", "urllib3", "IPython", "ipywidgets")


def modules(code: str) -> set[str]:
    """The top-level modules that are loaded after `code`."""
    code += "; import sys; print(*{name.split('.')[0] for name in sys.modules})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("code", ["import labkit", "from labkit import LabError", "from labkit import Lab"])
def test_importing_the_front_door_loads_nothing_slow(code: str) -> None:
    assert not modules(code).intersection(SLOW)


def test_a_deployment_needs_the_client_only_when_it_asks() -> None:
    code = "from labkit.ops.deployment import Deployment; Deployment(None, 'web')"
    assert not modules(code).intersection({"kubernetes", "pandas"})


def test_exports() -> None:
    assert labkit.Lab.__module__ == "labkit.lab"
    assert labkit.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'Labb'"):
        labkit.Labb  # noqa: B018
