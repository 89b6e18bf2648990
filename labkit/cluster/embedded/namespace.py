"""Entering the namespaces in which the cluster lives.

One process makes a user, mount, network, pid, ipc and uts namespace and becomes the first process (pid 1) of it. See
user_namespaces(7), pid_namespaces(7) and mount_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from labkit.cluster.embedded import layout
from labkit.errors import LabError

_CLONE = {
    "mount": 0x00020000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000

_RANGE = 1 << 16
"""How many ids root maps: as many as a container has. With all of them the kubelet would think that it is not in a namespace."""

_libc = ctypes.CDLL(None, use_errno=True)


def enter(state: Path) -> tuple[int, int]:
    """Move into new namespaces with `state` mounted at /run/labkit. Returns only in their first process.

    Returns (this process's id as the host sees it, number of user ids mapped: 1, or the whole range for root). The calling
    process ends. Raises LabError where the kernel or the container around us forbids namespaces.
    """
    try:
        mapped = _unshare()
        if os.fork():
            os._exit(0)
        host_pid = int(Path("/proc/self").readlink().name)
        _mount_all(state)
    except OSError as error:
        raise forbidden(error) from error
    return host_pid, mapped


def possible() -> LabError | None:
    """Try it in a child process; returns the reason when it does not work, else None."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        reason = ""
        try:
            _unshare()
            if os.fork() == 0:
                _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
                _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
                os._exit(0)
            if os.wait()[1] != 0:
                reason = "mounting /proc in it is not permitted"
        except OSError as error:
            reason = str(error)
        finally:
            os.write(writer, reason.encode())
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        reason = answer.read()
    return forbidden(OSError(reason)) if reason else None


def forbidden(error: OSError) -> LabError:
    """The message for a kernel that does not let us in."""
    return LabError(
        "This machine does not let an ordinary process make the namespaces that the embedded cluster lives in.",
        f"{error}. Usual causes: a hardened kernel, AppArmor (Ubuntu 24.04 and later), a container without the right.",
        "One of:\n"
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   (Ubuntu)\n"
        "sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000   (others)\n"
        "docker run --privileged ...   (inside a container)\n"
        "labkit up --provider kind, or --provider existing   (another kind of cluster)",
    )


def _unshare() -> int:
    """Make the namespaces and map user ids; returns how many are mapped."""
    uid, gid = os.geteuid(), os.getegid()
    range_writer = _RangeWriter() if uid == 0 else None
    if _libc.unshare(sum(_CLONE.values())) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if range_writer is not None and (mapped := range_writer.write()):
        return mapped
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    return 1


class _RangeWriter:
    """A process that stays in the parent user namespace, where root may map every id it has, each to itself."""

    def __init__(self) -> None:
        rows = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
        self.rows = [(int(start), min(int(count), _RANGE)) for start, _, count in rows]
        parent = os.getpid()
        self.go_reader, self.go = os.pipe()
        self.answer, answer_writer = os.pipe()
        self.helper = os.fork()
        if not self.helper:
            os.close(self.go)
            os.read(self.go_reader, 1)
            content = "".join(f"{start} {start} {count}\n" for start, count in self.rows)
            try:
                for name in ("uid_map", "gid_map"):
                    Path(f"/proc/{parent}/{name}").write_text(content)
                os.write(answer_writer, b"y")
            finally:
                os._exit(0)
        os.close(answer_writer)

    def write(self) -> int:
        """Let it map them, for the process that made this object; returns how many, 0 when it may not."""
        os.write(self.go, b"g")
        written = os.read(self.answer, 1) == b"y"
        os.waitpid(self.helper, 0)
        for descriptor in (self.go_reader, self.go, self.answer):
            os.close(descriptor)
        return sum(count for _, count in self.rows) if written else 0


def _mount_all(state: Path) -> None:
    handle = os.open(state, os.O_PATH | os.O_DIRECTORY)
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _mount("tmpfs", "/run", "tmpfs", _MS_NOSUID | _MS_NODEV)
    layout.ROOT.mkdir()
    _mount(f"/proc/self/fd/{handle}", str(layout.ROOT), None, _MS_BIND | _MS_REC)
    os.close(handle)
    _give_kubelet_its_folder()
    os.chdir("/")


def _give_kubelet_its_folder() -> None:
    """The kubelet's device manager insists on /var/lib/kubelet, which is the host's and not ours to write to.

    /var/lib becomes a folder of links to what the host has there, with a folder `kubelet` of our own.
    """
    hidden = Path("/run/host-var-lib")
    hidden.mkdir()
    _mount("/var/lib", str(hidden), None, _MS_BIND | _MS_REC)
    _mount("tmpfs", "/var/lib", "tmpfs", _MS_NOSUID | _MS_NODEV)
    for entry in hidden.iterdir():
        if entry.name != "kubelet":
            (Path("/var/lib") / entry.name).symlink_to(entry)
    Path("/var/lib/kubelet").mkdir()


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    if _libc.mount(*encoded, ctypes.c_ulong(flags), None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {target}: {os.strerror(number)}")
