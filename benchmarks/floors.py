"""The least possible: what a figure is compared with in the same run on the same machine."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request

from labkit.cluster.embedded import programs


def bare_process() -> float:
    """Seconds from starting podinfo as a bare process to its readiness path answering: what no pod can beat."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    arguments = [f"--port={port}", "--host=127.0.0.1", "--level=error"]
    process = subprocess.Popen([programs.paths()["podinfo"], *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).read()
                return time.monotonic() - began
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.001)
    finally:
        process.kill()
        process.wait()
