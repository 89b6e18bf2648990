"""A container's root folder, as arguments of bubblewrap.

It is a tmpfs with the host's programs and libraries bound into it read-only, a few files of /etc, and the image's and the pod's
own files over that. No image has layers here, so what an image lacks is the host's: /bin/sh and all else in /usr/bin can be seen.
Every mount costs about 0.15 ms of a container's start, so there are few: /usr/share is one mount and a folder of links into it.
Not a security boundary: what is hidden here is hidden for order, not for safety.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HIDDEN = "/.host"
_SHARE = "/usr/share"
_SYSTEM = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/libexec", _SHARE)
_COPIED = 1 << 16  # bytes; a larger file of an image is not copied into each container
_FIRST_COPY = 5  # the number under which bubblewrap gets the first file to copy: after its streams, and two pipes to the shim
_TOP = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SHARED = ("ca-certificates", "git-core", "gnupg", "mime", "misc", "perl", "perl5", "terminfo", "zoneinfo")
_ETC = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/ssl")


@dataclass(frozen=True)
class Bind:
    """A path of the host at a path of the container. copy: its content, as a file that may be changed and moved there."""

    source: str
    target: str
    readonly: bool = True
    copy: bool = False


class Host:
    """What of this machine every container sees: folders and files by container path, and the links of a merged /usr."""

    def __init__(self) -> None:
        self.links = {path: str(Path(path).readlink()) for path in _TOP if Path(path).is_symlink()}
        solid = [Path(path) for path in (*_SYSTEM, *_TOP, *_ETC) if path not in self.links]
        self.binds = {str(path): str(path.resolve()) for path in solid if path.exists()}

    @staticmethod
    def names(path: str, there: str) -> Iterable[str]:
        """What to link into a folder that cannot be bound as it is. there: the folder on the host."""
        if path == _SHARE:
            return [name for name in _SHARED if Path(there, name).exists()]
        return [entry.name for entry in os.scandir(there)] if Path(there).is_dir() else ()

    def canonical(self, path: str) -> str:
        """A container path without the detour over the links that every container has."""
        path = posixpath.normpath("/" + path.lstrip("/"))
        if path == "/var/run" or path.startswith("/var/run/"):
            path = path.removeprefix("/var")
        top, _, rest = path[1:].partition("/")
        if f"/{top}" in self.links:
            path = posixpath.normpath(posixpath.join("/", self.links[f"/{top}"], rest))
        return path

    def follow(self, path: str) -> str:
        """The path itself, or where it leads if the host has a link there: nothing can be mounted on a link."""
        base = next((parent for parent in _parents(path) if parent in self.binds), None)
        if base is None:
            return path
        there = Path(self.binds[base] + path.removeprefix(base))
        end = str(there.resolve()) if there.is_symlink() else ""
        for parent, source in self.binds.items():
            if end.startswith(f"{source}/"):
                return parent + end.removeprefix(source)
        return path


class Rootfs:
    """Collects what goes into one container's root. folders are created writable for everyone."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._binds: dict[str, Bind] = {}
        self._folders: dict[str, None] = {}
        self._image: set[str] = set()

    def add(self, source: str, target: str) -> None:
        """Make a file part of the image, which mounts are laid over."""
        target = self._host.follow(self._host.canonical(target))
        path = Path(source)
        copy = path.is_file() and not os.access(source, os.X_OK) and path.stat().st_size <= _COPIED
        self._binds[target] = Bind(source, target, copy=copy)
        self._image.add(target)

    def mount(self, source: str, target: str, readonly: bool) -> None:
        """Show a file or folder of the host in place of what the image has there; the last one to claim a target has it."""
        target = self._host.follow(self._host.canonical(target))
        for covered in [path for path in self._image if path == target or target in _parents(path)]:
            self._image.remove(covered)
            del self._binds[covered]
        self._binds[target] = Bind(source, target, readonly)

    def folder(self, path: str) -> None:
        """Make sure that a folder is there."""
        self._folders[self._host.canonical(path)] = None

    def where(self, path: str) -> str | None:
        """The host's path of what a process will find at a path of the container; None for what is made of nothing."""
        path = self._host.canonical(path)
        sources = {**self._host.binds, **{target: bind.source for target, bind in self._binds.items()}}
        for parent in (path, *_parents(path)):
            if parent in sources:
                return sources[parent] + path.removeprefix(parent if parent != "/" else "")
        return None

    def arguments(self, readonly: bool) -> list[str]:
        """The options of bwrap that build it. readonly: nothing but the pod's own mounts and /dev can be written to."""
        opened = self._opened()
        args = [*_options(self._scaffold(opened)), "--symlink", "/run", "/var/run", "--proc", "/proc", "--dev", "/dev"]
        for path, link in self._host.links.items():
            args += ["--symlink", link, path]
        for path, source in self._host.binds.items():
            args += ["--ro-bind", source, HIDDEN + path] if path in opened else ["--ro-bind", source, path]
        for path in opened:
            args += self._open(path)
        for number, bind in enumerate(self._copies(), _FIRST_COPY):
            args += ["--perms", "0644", "--file", str(number), bind.target]
        for bind in sorted(self._binds.values(), key=lambda bind: bind.target.count("/")):
            if not bind.copy:
                args += ["--ro-bind" if bind.readonly else "--bind", bind.source, bind.target]
        return args + (["--remount-ro", "/"] if readonly else [])

    @property
    def copied(self) -> list[str]:
        """The files that bubblewrap must be given open, in the order of their numbers in the arguments."""
        return [bind.source for bind in self._copies()]

    def _copies(self) -> list[Bind]:
        return [bind for bind in self._binds.values() if bind.copy]

    def _scaffold(self, opened: list[str]) -> dict[str, str]:
        """Modes of the folders that hold all the rest, parents first: bubblewrap would make them for its own user only."""
        modes = {"/tmp": "1777", "/run": "0755", "/var": "0755", "/root": "0700"}
        hidden = [HIDDEN + path for path in opened if path in self._host.binds]
        modes |= {path: "0777" for path in self._folders if path != "/"}
        for path in [*self._host.binds, *self._binds, *self._folders, *hidden]:
            for parent in _parents(path):
                modes.setdefault(parent, "0755")
        made = {path: mode for path, mode in sorted(modes.items()) if path in opened or self.where(path) is None}
        return {path: mode for path, mode in made.items() if not path.startswith(("/dev", "/proc"))}

    def _opened(self) -> list[str]:
        """Host folders that cannot be bound as they are, because something lies in them that the host has not; parents first."""
        opened: dict[str, None] = {_SHARE: None} if _SHARE in self._host.binds else {}
        for target in [*self._binds, *self._folders]:
            chain = list(_parents(target))
            base = next((parent for parent in chain if parent in self._host.binds), None)
            covered = next((parent for parent in chain if parent in self._binds), None)
            if base is None or (covered is not None and len(covered) >= len(base)) or self._fits(target, base):
                continue
            for parent in chain[: chain.index(base) + 1]:
                opened[parent] = None
        return sorted(opened)

    def _fits(self, target: str, base: str) -> bool:
        there = Path(self._host.binds[base] + target.removeprefix(base))
        if target in self._folders:
            return there.is_dir()
        return there.exists() and there.is_dir() == Path(self._binds[target].source).is_dir()

    def _open(self, path: str) -> list[str]:
        """Arguments that make a folder of links to all the host has in it, so that it can hold more."""
        args: list[str] = []
        opened = self._opened()
        base = next(parent for parent in (path, *_parents(path)) if parent in self._host.binds)
        there = self._host.binds[base] + path.removeprefix(base)
        for name in self._host.names(path, there):
            entry = f"{path}/{name}"
            if entry not in opened and entry not in self._binds and entry not in self._folders:
                args += ["--symlink", _beside(Path(there, name)) or HIDDEN + entry, entry]
        return args


def _beside(path: Path) -> str:
    """Where a link leads that stays in its folder: sh leads to what is in dash's place here, not to the host's dash."""
    leads = str(path.readlink()) if path.is_symlink() else ""
    return "" if "/" in leads else leads


def _options(folders: dict[str, str]) -> list[str]:
    return [word for path, mode in folders.items() for word in ("--perms", mode, "--dir", path)]


def _parents(path: str) -> list[str]:
    """The folders above a path, nearest first, without the root."""
    found = []
    while (path := posixpath.dirname(path)) not in ("/", ""):
        found.append(path)
    return found
