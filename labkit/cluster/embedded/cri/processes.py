"""Processes as /proc shows them: who belongs to which container, its CPU time and its memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Usage:
    """cpu: nanoseconds, of living processes and the children they have waited for; memory in bytes.

    resident: all that is in memory; private: without the pages of files, which the kernel can drop (what cgroups call anon).
    """

    cpu: int = 0
    resident: int = 0
    private: int = 0
    processes: int = 0
    faults: int = 0
    major_faults: int = 0


def born(pid: int) -> int:
    """Start time in clock ticks since boot; 0 if there is no such process."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def pid_namespace(pid: int) -> str:
    """An identity of the pid namespace a process is in; empty if there is no such process."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def usage(namespaces: set[str]) -> dict[str, Usage]:
    """What the processes of each of these pid namespaces use together, in one pass over /proc."""
    total = {namespace: Usage() for namespace in namespaces}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        mine = total.get(pid_namespace(pid))
        if mine is None or not (fields := _stat(pid)):
            continue
        mine.cpu += sum(map(int, fields[11:15])) * _TICK_NS
        mine.faults += int(fields[7])
        mine.major_faults += int(fields[9])
        mine.processes += 1
        resident, private = _memory(pid)
        mine.resident += resident
        mine.private += private
    return total


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the third (state) on; none if the process has gone."""
    text = _read(f"/proc/{pid}/stat")
    return text[text.rindex(b")") + 2 :].split() if text else []


def _memory(pid: int) -> tuple[int, int]:
    fields = _read(f"/proc/{pid}/statm").split()
    if not fields:
        return 0, 0
    resident, shared = int(fields[1]), int(fields[2])
    return resident * _PAGE, (resident - shared) * _PAGE


def _read(path: str) -> bytes:
    """A small file of /proc; empty if the process has gone. By system calls alone: this is done hundreds of times in a row."""
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, 1024)
        finally:
            os.close(file)
    except OSError:
        return b""
