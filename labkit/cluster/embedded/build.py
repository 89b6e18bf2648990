"""Building the cluster's programs from their pinned module graphs into the user's cache.

A program appears in the cache whole or not at all: it is linked aside and renamed. What was compiled stays in Go's build
cache, so a build that was killed at any point continues where it was.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from labkit.cluster import folders, locks
from labkit.cluster.embedded import go
from labkit.cluster.embedded.cri import stubs
from labkit.cluster.embedded.programs import GRAPH, Program, ldflags, programs, toolchain_version
from labkit.cluster.progress import Report, Step, silent

TITLE = "Building the cluster's programs"
_POLL = 0.2


def missing(wanted: Iterable[Program]) -> list[Program]:
    """Those of `wanted` that are not in the cache, or are there damaged (judged by size and time, not content)."""
    return [program for program in wanted if not _is_whole(program)]


def build(wanted: Iterable[Program], report: Report = silent) -> list[Program]:
    """Build what is missing of `wanted`; returns what was built, [] when there was nothing to do.

    When another process is building, waits for it and passes its progress on. Raises LabError when the disk is full, the
    network is down, or the toolchain fails; the next call continues.
    """
    wanted = list(wanted)
    if not missing(wanted):
        return []
    root = folders.make_private(folders.cache())
    try:
        lock = _wait_for_lock(root, report)
        try:
            todo = missing(wanted)
            _Build(todo, report).run()
            return todo
        finally:
            (root / "progress.json").unlink(missing_ok=True)
            os.close(lock)
    except go.GoFailedError as failure:
        raise failure.explain() from failure
    except OSError as error:
        raise go.GoFailedError(str(error).lower()).explain() from error


def verify(wanted: Iterable[Program], report: Report = silent) -> list[Program]:
    """Read every built program of `wanted` and remove those that differ from what was built; returns these."""
    damaged = []
    for program in wanted:
        report(Step("Checking the built programs", program.name))
        record = _record(program)
        if record is not None and (not program.path.exists() or _sha256(program.path) != record["sha256"]):
            damaged.append(program)
        if record is None or program in damaged:
            shutil.rmtree(program.path.parent, ignore_errors=True)
    return damaged


def mend(report: Report = silent) -> None:
    """Check Go's caches and remove what is damaged, so that the next build fetches and compiles it again."""
    root = folders.make_private(folders.cache())
    lock = _wait_for_lock(root, report)
    try:
        go.mend(lambda detail: report(Step("Checking the caches", detail)))
    finally:
        os.close(lock)


def module_folder(module: str, program: str = "kube-apiserver") -> Path:
    """The sources of `module` (an import path) in the version that the graph of `program` pins; downloads them if need be.

    Raises LabError when the graph has no such module or it cannot be downloaded.
    """
    graph = programs()[program].graph
    try:
        found = [json.loads("\n".join(go.lines("mod", "download", "-json", module, folder=graph, merged=False)))]
    except go.GoFailedError as failure:
        raise failure.explain() from failure
    return Path(found[0]["Dir"])


def runtime_stubs(report: Report = silent) -> Path:
    """The folder with the Python stubs of the CRI, generated from the pinned cri-api module's api.proto when it is absent."""
    digest = hashlib.sha256((GRAPH / "go.sum").read_bytes() + importlib.metadata.version("grpcio-tools").encode())
    target = folders.cache() / "stubs" / digest.hexdigest()[:16]
    if not target.exists():
        report(Step("Generating the runtime's stubs"))
        proto = module_folder("k8s.io/cri-api") / "pkg" / "apis" / "runtime" / "v1" / "api.proto"
        folders.make_private(target.parent)
        stubs.generate(proto, target)
    return target


def under_way() -> Step | None:
    """How far the build is that some process of this user does now; None when there is none."""
    root = folders.cache()
    if not locks.is_held(root / "build.lock"):
        return None
    try:
        return Step(**json.loads((root / "progress.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _wait_for_lock(root: Path, report: Report) -> int:
    while (lock := locks.acquire(root / "build.lock")) is None:
        report(under_way() or Step(TITLE, "waiting for another labkit that is building"))
        time.sleep(_POLL)
    return lock


class _Build:
    """One build: what is to be compiled is known at the start, so that progress can be told."""

    def __init__(self, todo: list[Program], report: Report) -> None:
        self.todo = todo
        self.report = report
        self.progress_file = folders.cache() / "progress.json"
        self.written = 0.0

    def run(self) -> None:
        groups: dict[tuple[Path, str, bool], list[Program]] = {}
        for program in self.todo:
            groups.setdefault((program.graph, program.tags, program.test), []).append(program)
        for group in groups.values():
            try:
                self.make(group)
            except go.GoFailedError as failure:
                if not failure.looks_corrupt:
                    raise
                self.tell("a cache is damaged; mending it")
                go.mend(self.tell)
                self.make(group)

    def make(self, group: list[Program]) -> None:
        stale = self.stale_packages(group)
        programs_root = folders.make_private(folders.cache() / "programs")
        with tempfile.TemporaryDirectory(prefix=".linking-", dir=programs_root) as aside:
            done, started = 0, time.monotonic()
            self.tell(group[0].name, done, len(stale))
            for line in go.lines(*_arguments(group, Path(aside)), folder=group[0].graph):
                if line in stale:
                    done += 1
                    elapsed = time.monotonic() - started
                    left = elapsed / done * (len(stale) - done) if elapsed > 10 else None
                    self.tell(stale[line], done, len(stale), left)
                self.adopt(group, Path(aside))
            self.adopt(group, Path(aside))
        if still := missing(group):
            raise go.GoFailedError(f"go build ended without {', '.join(program.name for program in still)}")

    def stale_packages(self, group: list[Program]) -> dict[str, str]:
        """Packages that are still to be compiled, each with the first program that needs it."""
        stale: dict[str, str] = {}
        fetched: Counter[str] = Counter()
        for program in group:
            flags = _flags(program) + (["-test"] if program.test else [])
            form = "{{if .Stale}}stale {{.ImportPath}}{{end}}"
            for line in go.lines("list", "-deps", "-f", form, *flags, program.package, folder=program.graph):
                if line.startswith("stale "):
                    stale.setdefault(line.removeprefix("stale ").split()[0], program.name)
                elif line.startswith("go: downloading"):
                    fetched[program.name] += 1
                    self.tell(f"downloading the sources of {program.name}, {fetched.total()} modules")
        return stale

    def adopt(self, group: list[Program], aside: Path) -> None:
        """Move what has been linked into the cache, with a record of its content."""
        for program in group:
            linked = aside / _linked_name(program)
            if not linked.exists():
                continue
            folder = program.path.parent
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            digest = _sha256(linked)
            linked.replace(program.path)
            status = program.path.stat()
            record = {"sha256": digest, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
            record |= {"toolchain": toolchain_version(), "package": program.package}
            folders.write_atomically(folder / "record.json", json.dumps(record))

    def tell(self, detail: str, done: int = 0, total: int = 0, seconds_left: float | None = None) -> None:
        step = Step(TITLE, detail, done, total, seconds_left)
        self.report(step)
        if time.monotonic() - self.written > _POLL:
            self.written = time.monotonic()
            folders.write_atomically(self.progress_file, json.dumps(step.__dict__))


def _arguments(group: list[Program], aside: Path) -> list[str]:
    first = group[0]
    if first.test:
        return ["test", "-c", "-v", *_flags(first), "-o", f"{aside}/", *(program.package for program in group)]
    return ["build", "-v", *_flags(first), "-o", f"{aside}/", *(program.package for program in group)]


def _flags(program: Program) -> list[str]:
    flags = ["-ldflags", " ".join(ldflags())]
    return [*flags, "-tags", program.tags] if program.tags else flags


def _linked_name(program: Program) -> str:
    """The file name that the toolchain gives: the import path's last element that is not a major version."""
    parts = [part for part in program.package.split("/") if not (part[0] == "v" and part[1:].isdigit())]
    return parts[-1] + (".test" if program.test else "")


def _record(program: Program) -> dict[str, str | int] | None:
    try:
        record = json.loads((program.path.parent / "record.json").read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "sha256" in record else None


def _is_whole(program: Program) -> bool:
    record = _record(program)
    try:
        status = program.path.stat()
    except OSError:
        return False
    return record is not None and (status.st_size, status.st_mtime_ns) == (record.get("size"), record.get("mtime_ns"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
