"""`python tests`, which `make test` calls: every test and every lesson, on one real cluster of their own, removed afterwards."""

from __future__ import annotations

import os
import subprocess
import sys

NAME = "pytest"
NBVAL = ["--nbval", "--nbval-sanitize-with=tests/nbval.cfg", "--nbval-current-env", "--nbval-cell-timeout=180"]


def run(module: str, *arguments: str) -> int:
    """Run a Python module in the environment of the tests; returns its exit code."""
    environment = os.environ | {"LABKIT_NAME": NAME, "LABKIT_KEEP": "1"}
    return subprocess.run([sys.executable, "-m", module, *arguments], env=environment).returncode


def main() -> int:
    """Build, test, clean up. Returns the first exit code that is not 0."""
    if code := run("labkit.cli", "build", "cluster", "conformance"):
        return code
    try:
        codes = [run("pytest", "tests"), run("pytest", *NBVAL, "notebooks")]
    finally:
        run("labkit.cli", "down", "--name", NAME, "--yes")
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
