"""How kubectl is run, with a script in its place."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

import pytest
from recorded_kubectl import MakeAccess

from labkit.errors import LabError
from labkit.ops import kubectl


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("get pods -o wide", ["get", "pods", "-o", "wide"]),
        ("kubectl get pods", ["get", "pods"]),
        ("get pods -l 'app in (a, b)'", ["get", "pods", "-l", "app in (a, b)"]),
        ("exec web -- sh -c 'ls | wc'", ["exec", "web", "--", "sh", "-c", "ls | wc"]),
    ],
)
def test_a_command_line_is_split_as_a_shell_does(command: str, args: list[str]) -> None:
    assert kubectl.split(command) == args


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("get pods | grep web", "'|' belongs to a shell"),
        ("get pods > file", "'>' belongs to a shell"),
        ('get pods -l "app', "not a kubectl command"),
        ("edit deployment web", "needs a terminal"),
    ],
)
def test_what_needs_a_shell_or_a_terminal_is_refused(command: str, told: str) -> None:
    with pytest.raises(LabError, match=told.replace("|", r"\|")):
        kubectl.split(command)


def test_output_appears_as_kubectl_prints_it(make_access: MakeAccess, capfd: pytest.CaptureFixture[str]) -> None:
    access = make_access('echo "$1 ü"; echo "$KUBECONFIG" >&2; exit 3')
    assert kubectl.show(access, ["a b"]) == 3
    printed = capfd.readouterr()
    assert printed.out == "a b ü\n"
    assert printed.err == f"{access.kubeconfig}\n"


def test_a_command_that_goes_on_is_ended_after_its_time(make_access: MakeAccess, capfd: pytest.CaptureFixture[str]) -> None:
    access = make_access("echo $$; exec sleep 1000")
    assert kubectl.show(access, ["get", "-w"], seconds=0.5) == 0
    pid = int(capfd.readouterr().out)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


class Interrupting(io.StringIO):
    """A stdout that interrupts the notebook's cell as soon as something is printed."""

    def write(self, text: str) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


@pytest.mark.parametrize(
    ("args", "quiet"), [(["get", "pods", "-w"], True), (["logs", "-f", "web"], True), (["get", "pods"], False)]
)
def test_an_interrupt_ends_kubectl(
    make_access: MakeAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], quiet: bool
) -> None:
    access = make_access(f"echo $$ > {tmp_path}/pid; echo web; exec sleep 1000")
    monkeypatch.setattr(sys, "stdout", Interrupting())
    if quiet:
        assert kubectl.show(access, args) == 0
    else:
        with pytest.raises(KeyboardInterrupt):
            kubectl.show(access, args)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_missing_program_is_told(make_access: MakeAccess) -> None:
    access = make_access()
    access.kubectl.unlink()
    with pytest.raises(LabError, match="kubectl program is missing"):
        access.run_kubectl("version")
    with pytest.raises(LabError, match="kubectl program is missing"):
        kubectl.show(access, ["version"])
