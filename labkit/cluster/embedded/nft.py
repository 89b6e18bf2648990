"""The `nft` program, which kube-proxy needs: the system's, or a copy unpacked from the distribution's packages without root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from labkit.cluster import folders
from labkit.cluster.embedded.programs import find_on_path
from labkit.cluster.progress import Report, Step
from labkit.errors import LabError

_PACKAGES = (
    "nftables",
    "libnftables1",
    "libnftnl11",
    "libmnl0",
    "libjansson4",
    "libxtables12",
    "libedit2",
    "libbsd0",
    "libmd0",
)


def find() -> Path | None:
    """The folder that holds a working `nft`, or None."""
    if (system := find_on_path("nft")) is not None:
        return system.parent
    private = folders.cache() / "nft" / "bin" / "nft"
    return private.parent if private.exists() else None


def ensure(report: Report) -> Path:
    """Find `nft`, or get it: as root by installing the package, else by unpacking it into the cache.

    Returns its folder. Raises LabError with the one command to run when neither works.
    """
    if (found := find()) is not None:
        return found
    report(Step("Getting nft, which kube-proxy needs", "from the distribution's packages"))
    try:
        if shutil.which("apt-get") is None:
            raise OSError("this system has no apt-get")
        if os.geteuid() == 0:
            _run("apt-get", "install", "-y", "--no-install-recommends", "nftables")
        else:
            _unpack(folders.make_private(folders.cache()) / "nft")
    except OSError as error:
        raise _absent(str(error)) from error
    if (found := find()) is None:
        raise _absent("the package was installed and still there is no nft")
    return found


def _unpack(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".nft-", dir=target.parent) as name:
        aside = Path(name)
        available = [package for package in _PACKAGES if _exists(package)]
        _run("apt-get", "download", *available, folder=aside)
        root = aside / "root"
        for archive in sorted(aside.glob("*.deb")):
            _run("dpkg-deb", "-x", str(archive), str(root))
        (root / "bin").mkdir(exist_ok=True)
        wrapper = root / "bin" / "nft"
        libraries = ":".join(str(target / folder.relative_to(root)) for folder in root.glob("usr/lib/*-linux-*"))
        wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{target}/usr/sbin/nft" "$@"\n')
        wrapper.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        root.rename(target)


def _exists(package: str) -> bool:
    return subprocess.run(["apt-cache", "show", package], capture_output=True).returncode == 0


def _run(*command: str, folder: Path | None = None) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command[:2])}: {(done.stderr or done.stdout).strip()[-500:]}")


def _absent(why: str) -> LabError:
    return LabError(
        "The program nft is missing; kube-proxy needs it to route traffic to Services.",
        why,
        "One of, then the same command again:\n"
        "sudo apt-get install nftables   (Debian, Ubuntu)\n"
        "sudo dnf install nftables       (Fedora, RHEL)\n"
        "sudo apk add nftables           (Alpine)",
    )
