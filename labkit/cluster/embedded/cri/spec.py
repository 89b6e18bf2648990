"""One container's whole description for the shim: bubblewrap's command line, the environment, and how to exec into it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.cluster.embedded.cri.errors import CRIError
from labkit.cluster.embedded.cri.identity import Identity
from labkit.cluster.embedded.cri.images import DEFAULT_PATH, Image
from labkit.cluster.embedded.cri.rootfs import Bind, Host, Rootfs


@dataclass
class Wish:
    """What a pod says of one container, with the files the runtime has made for it.

    hostname: empty on the node's network. ports: TCP ports that it declares.
    """

    command: Sequence[str] = ()
    args: Sequence[str] = ()
    workdir: str = ""
    env: dict[str, str] = field(default_factory=dict)
    mounts: Sequence[Bind] = ()
    hostname: str = ""
    readonly: bool = False
    tty: bool = False
    ports: Sequence[int] = ()


def argv(image: Image, wish: Wish) -> list[str]:
    """The pod's command replaces the image's entrypoint and with it its cmd; the pod's args replace only cmd."""
    words = [*wish.command, *wish.args] if wish.command else [*image.entrypoint, *(wish.args or image.cmd)]
    if not words:
        raise CRIError("no command specified")
    return words


def environment(image: Image, wish: Wish, identity: Identity) -> dict[str, str]:
    """Only what image and pod say, with the three variables every container has. Nothing of the host's."""
    env = {"HOME": identity.home, **image.env}
    if wish.hostname:
        env["HOSTNAME"] = wish.hostname
    if wish.tty:
        env["TERM"] = "xterm"
    return {**env, **wish.env}


def describe(image: Image, wish: Wish, identity: Identity, files: dict[str, str], host: Host, bwrap: str) -> dict[str, Any]:
    """The body of the shim's start request, but for the log and streams. files: host path of each of the image's files.

    As elsewhere, a mount whose source is not there gets an empty folder. Raises CRIError, in the words of other runtimes, for a
    command that is not there.
    """
    root = Rootfs(host)
    workdir = wish.workdir or image.workdir
    for folder in (*image.folders, workdir):
        root.folder(folder)
    for target, source in files.items():
        root.add(source, target)
    for mount in wish.mounts:
        if not Path(mount.source).exists():
            Path(mount.source).mkdir(parents=True)
        root.mount(mount.source, mount.target, mount.readonly)
    words, env = argv(image, wish), environment(image, wish, identity)
    check(words[0], env.get("PATH", DEFAULT_PATH), workdir, root)
    line = [bwrap, "--die-with-parent", "--unshare-pid", "--as-pid-1", *identity.bwrap]
    line += [*root.arguments(wish.readonly), "--chdir", workdir, "--", *_session(wish.tty), *identity.command, *words]
    return {
        "argv": line,
        "files": root.copied,
        "env": [f"{name}={value}" for name, value in env.items()],
        "uid": identity.uid if identity.mapped else 0,
        "ports": list(wish.ports),
        "exec": {"dir": workdir, **identity.exec},
    }


def _session(tty: bool) -> list[str]:
    """Makes a container's first process leader of its terminal's session, without which a shell has no jobs."""
    return ["setsid", "--ctty", "--"] if tty else []


def check(command: str, path: str, workdir: str, root: Rootfs) -> None:
    """Raises CRIError if a container would not find its command, which bubblewrap could only tell as an ordinary exit."""
    if "/" in command:
        found = posixpath.join(workdir, command)
        if not _runs(root, found):
            raise CRIError(f'exec: "{command}": stat {command}: no such file or directory')
    elif not any(_runs(root, posixpath.join(folder or workdir, command)) for folder in path.split(":")):
        raise CRIError(f'exec: "{command}": executable file not found in $PATH')


def _runs(root: Rootfs, path: str) -> bool:
    there = root.where(path)
    return there is not None and Path(there).is_file() and os.access(there, os.X_OK)
