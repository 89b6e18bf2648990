"""The builder with the real Go toolchain, on a module graph so small that it builds in seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.cluster.embedded import build, go, programs
from labkit.cluster.embedded.programs import Program
from labkit.cluster.progress import Step
from labkit.errors import LabError

MAIN = "package main\n\nfunc main() { println(%s) }\n"


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build cache that the tests share which are not about compiling."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def warm(own_folders: Path, compiled: Path) -> None:
    (own_folders / "cache" / "go").mkdir(parents=True)
    (own_folders / "cache" / "go" / "build").symlink_to(compiled)


@pytest.fixture
def tiny(own_folders: Path) -> Program:
    graph = own_folders / "graph"
    (graph / "cmd" / "tiny").mkdir(parents=True)
    (graph / "go.mod").write_text("module tiny\n\ngo 1.27\n")
    (graph / "go.sum").write_text("")
    (graph / "cmd" / "tiny" / "main.go").write_text(MAIN % '"hello"')
    return Program("tiny", "./cmd/tiny", "cluster", graph)


def run(program: Program) -> str:
    return subprocess.run([program.path], capture_output=True, text=True, check=True).stderr.strip()


def test_builds_once_and_tells_how_far_it_is(tiny: Program) -> None:
    steps: list[Step] = []
    assert build.build([tiny], steps.append) == [tiny]
    assert run(tiny) == "hello"
    counted = [step for step in steps if step.total]
    assert counted
    assert counted[-1].done == counted[-1].total
    assert build.build([tiny]) == []


@pytest.mark.usefixtures("warm")
def test_another_source_is_another_program(tiny: Program) -> None:
    build.build([tiny])
    before = tiny.path
    (tiny.graph / "cmd" / "tiny" / "main.go").write_text(MAIN % '"again"')
    assert tiny.path != before
    build.build([tiny])
    assert run(tiny) == "again"


@pytest.mark.usefixtures("warm")
def test_a_damaged_program_is_found_and_made_again(tiny: Program) -> None:
    build.build([tiny])
    with tiny.path.open("r+b") as file:
        file.write(b"damage")
    assert build.missing([tiny]) == [tiny]
    assert build.build([tiny]) == [tiny]
    assert run(tiny) == "hello"


@pytest.mark.usefixtures("warm")
def test_verify_finds_damage_that_size_and_time_do_not_show(tiny: Program) -> None:
    build.build([tiny])
    status = tiny.path.stat()
    with tiny.path.open("r+b") as file:
        file.write(b"damage")
    os.utime(tiny.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert build.missing([tiny]) == []
    assert build.verify([tiny]) == [tiny]
    assert build.build([tiny]) == [tiny]
    assert run(tiny) == "hello"


def test_a_killed_build_leaves_no_half_program_and_the_next_one_finishes(tiny: Program) -> None:
    code = (
        "import sys; from pathlib import Path; from labkit.cluster.embedded import build; "
        "from labkit.cluster.embedded.programs import Program; "
        "build.build([Program('tiny', './cmd/tiny', 'cluster', Path(sys.argv[1]))], lambda s: print(s, flush=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tiny.graph], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    next(line for line in process.stdout if "of" in line)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not tiny.path.exists()
    until_no_toolchain_runs()
    assert build.build([tiny]) == [tiny]
    assert run(tiny) == "hello"


def test_an_interrupt_ends_the_compilers(tiny: Program) -> None:
    def interrupt(step: Step) -> None:
        if step.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build([tiny], interrupt)
    until_no_toolchain_runs()
    assert build.build([tiny]) == [tiny]


def until_no_toolchain_runs() -> None:
    """A compiler that is at work when its parent dies may finish its one package."""
    cache = str(go.environment()["GOCACHE"])
    deadline = time.monotonic() + 30
    while running := [path for path in Path("/proc").glob("[0-9]*/environ") if _holds(path, cache)]:
        assert time.monotonic() < deadline, running
        time.sleep(0.01)


def _holds(path: Path, text: str) -> bool:
    try:
        return text.encode() in path.read_bytes() and path.parent.name != str(os.getpid())
    except OSError:
        return False


@pytest.mark.usefixtures("warm")
def test_without_a_network_it_says_so(tiny: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    (tiny.graph / "go.mod").write_text("module tiny\n\ngo 1.27\n\nrequire golang.org/x/mod v0.30.0\n")
    (tiny.graph / "go.sum").write_text(
        "golang.org/x/mod v0.30.0 h1:fDEXFVZ/fmCKProc/yAXXUijritrDzahmwwefnjoPFk=\n"
        "golang.org/x/mod v0.30.0/go.mod h1:lAsf5O2EvJeSFMiBxXDki7sCgAxEUcZHXoXMKT4GJKc=\n"
    )
    (tiny.graph / "cmd" / "tiny" / "main.go").write_text(
        'package main\n\nimport _ "golang.org/x/mod/semver"\n\nfunc main() { println("net") }\n'
    )
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    with pytest.raises(LabError, match="could not be downloaded") as failed:
        build.build([tiny])
    assert "network" in failed.value.next


@pytest.mark.usefixtures("warm")
def test_a_compile_error_shows_the_compilers_words(tiny: Program) -> None:
    (tiny.graph / "cmd" / "tiny" / "main.go").write_text(MAIN % "undefinedName")
    with pytest.raises(LabError, match="undefined: undefinedName"):
        build.build([tiny])


FULL = """
import os, subprocess, sys
from pathlib import Path
from labkit.cluster.embedded import build
from labkit.cluster.embedded.programs import Program
from labkit.errors import LabError
program = Program("tiny", "./cmd/tiny", "cluster", Path(sys.argv[1]))
cache = os.environ["LABKIT_CACHE"]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", cache], check=True)
try:
    build.build([program])
except LabError as error:
    print(error)
assert not program.path.exists()
subprocess.run(["mount", "-o", "remount,size=500m", cache], check=True)
assert build.build([program]) == [program]
print("built")
"""


def test_a_full_disk_is_named_and_the_next_build_continues(tiny: Program, own_folders: Path) -> None:
    (own_folders / "cache").mkdir()
    in_namespace = ["unshare", "-Urm", sys.executable, "-c", FULL, str(tiny.graph)]
    done = subprocess.run(in_namespace, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    assert "The disk is full" in done.stdout
    assert done.stdout.endswith("built\n")


@pytest.mark.usefixtures("warm")
def test_two_builds_at_once_build_once(tiny: Program) -> None:
    code = (
        "import sys; from pathlib import Path; from labkit.cluster.embedded import build; "
        "from labkit.cluster.embedded.programs import Program; "
        "print(len(build.build([Program('tiny', './cmd/tiny', 'cluster', Path(sys.argv[1]))])))"
    )
    command = [sys.executable, "-c", code, str(tiny.graph)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(process.communicate()[0].strip() for process in both) == ["0", "1"]


def test_every_program_of_the_manifest_is_in_its_graph() -> None:
    for program in programs.programs().values():
        listed = list(go.lines("list", "-f", "{{.ImportPath}} {{.Name}}", program.package, folder=program.graph))
        assert listed[-1].endswith(("main", "e2e")), program.name


def test_an_unknown_program_is_refused_with_what_there_is() -> None:
    with pytest.raises(LabError, match="kube-apiserver"):
        programs.select(["kube-apiservr"])
