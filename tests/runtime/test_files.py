from __future__ import annotations

from pathlib import Path

import pytest
from pod import Pod


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return tmp_path


def test_mounts_are_writable_or_read_only(pod: Pod, volume: Path) -> None:
    script = "echo new > /rw/new; echo new > /ro/new || echo refused"
    container = pod.sh(script, mounts=[pod.mount(volume, "/rw"), pod.mount(volume, "/ro", readonly=True)])
    assert "refused" in container.text().splitlines()
    assert (volume / "new").read_text() == "new\n"


def test_a_mount_may_lie_in_another_whatever_their_order(pod: Pod, volume: Path) -> None:
    (volume / "outer" / "inner").mkdir(parents=True)
    (volume / "deep").write_text("deep")
    mounts = [pod.mount(volume / "deep", "/data/inner/file"), pod.mount(volume / "outer", "/data")]
    (volume / "outer" / "inner" / "file").touch()
    assert pod.run("cat", "/data/inner/file", mounts=mounts).text() == "deep"


def test_the_termination_message_can_be_written(pod: Pod, volume: Path) -> None:
    message = volume / "message"
    message.touch()
    pod.sh("echo finished > /dev/termination-log", mounts=[pod.mount(message, "/dev/termination-log")]).wait()
    assert message.read_text() == "finished\n"


def test_var_run_is_run(pod: Pod, volume: Path) -> None:
    (volume / "token").write_text("secret")
    mounts = [pod.mount(volume, "/var/run/secrets/kubernetes.io/serviceaccount", readonly=True)]
    assert pod.run("cat", "/run/secrets/kubernetes.io/serviceaccount/token", mounts=mounts).text() == "secret"


@pytest.mark.parametrize(
    "target", ["/usr/bin/own", "/usr/share/nginx/html/own", "/etc/ssl/certs/own", "/bin/own", "/usr/local/lib/own"]
)
def test_a_file_may_be_mounted_where_the_host_has_a_folder(pod: Pod, volume: Path, target: str) -> None:
    (volume / "own").write_text("mine")
    assert pod.sh(f"cat {target} && ls /usr/bin/env", mounts=[pod.mount(volume / "own", target)]).text() == "mine/usr/bin/env"


def test_a_source_that_is_not_there_becomes_a_folder(pod: Pod, volume: Path) -> None:
    pod.sh("touch /made/file", mounts=[pod.mount(volume / "a" / "b", "/made")]).wait()
    assert (volume / "a" / "b" / "file").exists()


def test_the_images_own_files_can_be_changed_and_moved_in_one_container(pod: Pod) -> None:
    page = "/usr/share/nginx/html/index.html"
    first = pod.sh(f"echo mine > {page} && mv {page} /tmp/page && cat /tmp/page; ls {page}", image="nginx")
    assert "mine" in first.text().splitlines()
    assert "No such file" in first.text()
    assert "Welcome" in pod.run("cat", page, image="nginx", name="second").text()


def test_the_hosts_files_cannot_be_changed(pod: Pod) -> None:
    assert "Read-only file system" in pod.sh("touch /usr/bin/intruder").text()


def test_what_is_not_the_containers_cannot_be_seen(pod: Pod) -> None:
    seen = pod.sh("ls /; ls /etc").text().split()
    assert "home" not in seen
    assert "shadow" not in seen


def test_a_link_leads_to_what_is_mounted_in_place_of_its_end(pod: Pod, volume: Path) -> None:
    link = next(path for path in Path("/usr/bin").iterdir() if path.is_symlink() and "/" not in str(path.readlink()))
    for name in ("end", "own"):
        (volume / name).write_text(name)
    mounts = [pod.mount(volume / "end", f"/usr/bin/{link.readlink()}"), pod.mount(volume / "own", "/usr/bin/own")]
    assert pod.run("cat", str(link), "/usr/bin/own", mounts=mounts).text() == "endown"
