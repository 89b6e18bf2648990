from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.cluster import folders, locks
from labkit.cluster.embedded import cluster as embedded
from labkit.cluster.embedded.state import State
from labkit.errors import LabError


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "-a", "a" * 41, "with space"])
def test_a_name_that_would_not_be_a_folder_is_refused(own_folders: Path, name: str) -> None:
    with pytest.raises(LabError, match="cannot be the name"):
        folders.cluster(name)


def test_the_state_is_private(own_folders: Path) -> None:
    state = State("default")
    state.prepare()
    state.save(state.record())
    assert state.folder.stat().st_mode & 0o777 == 0o700
    assert state.kubeconfig.stat().st_mode & 0o777 == 0o600
    for path in (state.folder / "conf").glob("*.kubeconfig"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "reason"), [(json.dumps({"version": 99}), "version 99"), ("{broken", "damaged"), ("[]", "damaged")]
)
def test_a_state_of_another_version_is_refused_and_kept(own_folders: Path, content: str, reason: str) -> None:
    state = State("old")
    folders.make_private(state.folder)
    record = state.folder / "cluster.json"
    record.write_text(content)
    with pytest.raises(LabError, match=reason) as refused:
        embedded.EmbeddedCluster("old").up(lambda step: None, lambda access: None)
    assert refused.value.next.endswith("labkit down --name old")
    assert record.read_text() == content
    assert embedded.EmbeddedCluster("old").down()
    assert not state.folder.exists()


def test_a_taken_port_is_named(own_folders: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LabError, match=f"Port {port} ") as refused:
            embedded._listen(port, 0, "--api-port")
        assert "--api-port" in refused.value.next
        with embedded._listen(0, port, "--api-port") as listener:
            assert listener.getsockname()[1] != port


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    hold = (
        "import sys, pathlib; from labkit.cluster import locks; "
        "locks.acquire(pathlib.Path(sys.argv[1])); print(flush=True); input()"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert locks.is_held(path)
    assert locks.acquire(path) is None
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert not locks.is_held(path)


def test_writing_aside_leaves_the_old_file_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    folders.write_atomically(path, "old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        folders.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
