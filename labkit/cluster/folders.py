"""Where things live: the repository's sources, the user's cache and the state of each cluster.

Follows the XDG base directory specification through platformdirs. LABKIT_CACHE and LABKIT_STATE override the two folders.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from labkit.errors import LabError

SOURCES = Path(__file__).resolve().parents[2] / "clusters"
"""The `clusters` folder of the repository: module graphs, image catalogue, add-on manifests."""


def cache() -> Path:
    """The folder of what can be made again: built programs, Go's module and build caches."""
    return Path(os.environ.get("LABKIT_CACHE") or platformdirs.user_cache_dir("labkit"))


def state() -> Path:
    """The folder of what cannot be made again: one folder a cluster."""
    return Path(os.environ.get("LABKIT_STATE") or platformdirs.user_state_dir("labkit"))


def cluster(name: str) -> Path:
    """The state folder of the cluster `name`, whether it exists or not.

    Raises LabError when the name is not an RFC 1123 label, as Kubernetes wants its own names.
    """
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", name):
        raise LabError(
            f"{name!r} cannot be the name of a cluster.",
            "A name has 1 to 40 lower-case letters, digits and '-', and begins and ends with a letter or digit.",
            "labkit up --name my-lab",
        )
    return state() / "clusters" / name


def make_private(folder: Path) -> Path:
    """Make `folder` (and its parents) readable by its owner only; returns it.

    Raises LabError when the file system refuses.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"The folder {folder} cannot be made.",
            str(error),
            "Give labkit another place: export LABKIT_STATE=... LABKIT_CACHE=... and run the command again.",
        ) from error
    return folder


def write_atomically(path: Path, content: str, mode: int = 0o600) -> None:
    """Write `content` so that a reader sees the old file or the new one, never a part, and nobody else can read it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
