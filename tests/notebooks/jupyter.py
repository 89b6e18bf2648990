"""A JupyterLab of the test's own: on 127.0.0.1, with a token, on a copy of the notebooks, and with nobody's settings."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
_START = 60.0  # s

# Every cell stands in the page, not only those in view, so that a test can look at all of them.
_SETTINGS = {"@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"}}
_PAGE = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


@contextmanager
def running(folder: Path, cluster: str) -> Iterator[str]:
    """JupyterLab with its files in `folder`; yields the address of its root, "{}" standing where a notebook's path belongs."""
    _copy_notebooks(folder / "notebooks")
    _write(folder / "config/labconfig/page_config.json", _PAGE)
    for plugin, values in _SETTINGS.items():
        _write(folder / f"settings/{plugin}.jupyterlab-settings", values)
    port, token = _free_port(), secrets.token_urlsafe(16)
    log = (folder / "jupyter.log").open("wb")
    process = subprocess.Popen(
        [
            Path(sys.prefix) / "bin" / "jupyter-lab",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={folder / 'notebooks'}",
            f"--IdentityProvider.token={token}",
            "--ServerApp.open_browser=False",
            "--ServerApp.allow_root=True",
            "--LabApp.expose_app_in_browser=True",
        ],
        stdout=log,
        stderr=log,
        env=os.environ
        | {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "IPYTHONDIR": str(folder / "ipython"),
            "LABKIT_NAME": cluster,
        },
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/api?token={token}", folder / "jupyter.log")
        yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token={token}"
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _copy_notebooks(to: Path) -> None:
    """The notebooks without their outputs, so that what is seen afterwards was made by this run."""
    shutil.copytree(NOTEBOOKS, to, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    for path in to.rglob("*.ipynb"):
        notebook = nbformat.read(path, 4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)


def _write(path: Path, values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _START
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"JupyterLab does not answer:\n{log.read_text()[-3000:]}") from None
        time.sleep(0.1)
