"""What the lab needs from a machine, examined one by one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from labkit.cluster import folders
from labkit.cluster.embedded import build, namespace, nft, programs
from labkit.errors import LabError

_FIRST_BUILD_GB = 7.0
_MEMORY_GB = 3.0


@dataclass(frozen=True)
class Finding:
    """good: as it should be. needed: nothing works without it. remedy: the command to run next."""

    subject: str
    good: bool
    finding: str
    needed: bool = True
    remedy: str = ""


def examine() -> list[Finding]:
    """Every finding, the needed ones first."""
    return sorted(_findings(), key=lambda finding: not finding.needed)


def _findings() -> Iterator[Finding]:
    yield Finding("Python", sys.version_info >= (3, 11), ".".join(map(str, sys.version_info[:3])))
    reason = namespace.possible()
    if reason is None:
        yield Finding("namespaces", True, "an ordinary process can make them")
    else:
        yield Finding("namespaces", False, reason.why, remedy=reason.next)
    yield _nft()
    yield _wheels()
    yield from _programs()
    memory = psutil.virtual_memory().available / 1e9
    yield Finding("memory", memory > _MEMORY_GB, f"{memory:.1f} GB available, a lesson takes about {_MEMORY_GB:.0f} GB", False)
    yield Finding("docker, for --provider kind", shutil.which("docker") is not None, _where("docker"), False)


def _nft() -> Finding:
    folder = nft.find()
    if folder is not None:
        return Finding("nft", True, str(folder / "nft"))
    if shutil.which("apt-get"):
        return Finding("nft", True, "not here yet; labkit up gets it from the distribution's packages")
    return Finding("nft", False, "missing, and this system has no apt-get", remedy="Install the package nftables.")


def _wheels() -> Finding:
    try:
        found = programs.wheel_programs() | {"go": programs.toolchain()}
    except LabError as error:
        return Finding("programs from wheels", False, error.what, remedy=error.next)
    absent = [name for name, path in found.items() if not path.exists()]
    return Finding(
        "programs from wheels", not absent, ", ".join(absent) or ", ".join(found), remedy="make setup" if absent else ""
    )


def _programs() -> Iterator[Finding]:
    absent = build.missing(programs.select(["cluster"]))
    free = shutil.disk_usage(next(path for path in (folders.cache(), *folders.cache().parents) if path.exists())).free / 1e9
    if absent:
        enough = free > _FIRST_BUILD_GB
        text = f"{free:.0f} GB free; the first build takes about {_FIRST_BUILD_GB:.0f} GB in {folders.cache()}"
        yield Finding("disk", enough, text, remedy="" if enough else "export LABKIT_CACHE=/a/larger/disk")
        yield Finding("servers", False, f"{len(absent)} to build", needed=False, remedy="labkit build")
    else:
        yield Finding("disk", free > 1, f"{free:.0f} GB free", remedy="" if free > 1 else "Free some space.")
        yield Finding("servers", True, "all built", needed=False)


def _where(name: str) -> str:
    return shutil.which(name) or "not found; the embedded cluster is used"
