from __future__ import annotations

from pathlib import Path

import pytest

from labkit.cluster.embedded.cri import identity, spec
from labkit.cluster.embedded.cri.errors import CRIError
from labkit.cluster.embedded.cri.images import Image, User
from labkit.cluster.embedded.cri.rootfs import Bind, Host, Rootfs

IMAGE = Image(
    "sha256:0", ("docker.io/library/app",), ("1",), entrypoint=("entry",), cmd=("cmd",), env={"PATH": "/bin", "A": "image"}
)
ROOT = identity.choose(IMAGE, 1, None, "", None, ())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine whose /usr/bin and /etc/ssl are small, and whose /bin is a link."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").touch()
    (tmp_path / "bin" / "sh").chmod(0o755)
    (tmp_path / "bin" / "data").touch()
    (tmp_path / "ssl" / "certs").mkdir(parents=True)
    (tmp_path / "ssl" / "certs" / "ca.pem").touch()
    found = Host()
    found.links = {"/bin": "usr/bin"}
    found.binds = {"/usr/bin": str(tmp_path / "bin"), "/etc/ssl": str(tmp_path / "ssl")}
    return found


def options(args: list[str], name: str) -> list[tuple[str, str]]:
    return [(args[i + 1], args[i + 2]) for i, arg in enumerate(args) if arg == name]


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ([], [], ["entry", "cmd"]),
        ([], ["own"], ["entry", "own"]),
        (["own"], [], ["own"]),
        (["own"], ["arg"], ["own", "arg"]),
    ],
)
def test_command_and_args_replace_what_the_api_says(command: list[str], args: list[str], expected: list[str]) -> None:
    assert spec.argv(IMAGE, spec.Wish(command=command, args=args)) == expected


def test_an_image_without_a_command_needs_one() -> None:
    with pytest.raises(CRIError, match="no command specified"):
        spec.argv(Image("i", (), ()), spec.Wish())


def test_the_pods_environment_wins() -> None:
    wish = spec.Wish(env={"A": "pod"}, hostname="name", tty=True)
    assert spec.environment(IMAGE, wish, ROOT) == {
        "HOME": "/root",
        "PATH": "/bin",
        "A": "pod",
        "HOSTNAME": "name",
        "TERM": "xterm",
    }


def test_paths_have_one_form(host: Host) -> None:
    assert host.canonical("/bin/x") == "/usr/bin/x"
    assert host.canonical("/var/run/secrets") == "/run/secrets"
    assert host.canonical("//a/../b/") == "/b"
    assert host.canonical("") == "/"


def test_host_folders_are_bound_read_only(host: Host) -> None:
    args = Rootfs(host).arguments(readonly=False)
    assert (host.binds["/usr/bin"], "/usr/bin") in options(args, "--ro-bind")
    assert ("usr/bin", "/bin") in options(args, "--symlink")


def test_a_host_folder_is_opened_for_what_it_does_not_have(host: Host, tmp_path: Path) -> None:
    (tmp_path / "own").touch()
    root = Rootfs(host)
    root.mount(str(tmp_path / "own"), "/etc/ssl/certs/own.pem", readonly=True)
    args = root.arguments(readonly=False)
    assert (host.binds["/etc/ssl"], "/.host/etc/ssl") in options(args, "--ro-bind")
    assert ("/.host/etc/ssl/certs/ca.pem", "/etc/ssl/certs/ca.pem") in options(args, "--symlink")
    assert (str(tmp_path / "own"), "/etc/ssl/certs/own.pem") in options(args, "--ro-bind")
    assert (host.binds["/usr/bin"], "/usr/bin") in options(args, "--ro-bind")


def test_mounts_lie_over_the_images_files_and_in_each_other(host: Host, tmp_path: Path) -> None:
    root = Rootfs(host)
    root.add("/image/file", "/data/file")
    root.mount(str(tmp_path), "/data/inner", readonly=False)
    root.mount(str(tmp_path), "/data", readonly=False)
    args = root.arguments(readonly=False)
    assert [target for _, target in options(args, "--bind")] == ["/data", "/data/inner"]
    assert "/image/file" not in args


def test_a_link_of_the_host_is_followed(host: Host) -> None:
    folder = Path(host.binds["/usr/bin"])
    (folder / "link").symlink_to("sh")
    (folder / "away").symlink_to("/nowhere/else")
    assert host.follow("/usr/bin/link") == "/usr/bin/sh"
    assert host.follow("/usr/bin/away") == "/usr/bin/away"
    assert host.follow("/usr/bin/sh") == "/usr/bin/sh"
    assert host.follow("/data") == "/data"


def test_where_a_path_is_on_the_host(host: Host, tmp_path: Path) -> None:
    root = Rootfs(host)
    root.mount(str(tmp_path), "/data", readonly=False)
    assert root.where("/data/x/y") == f"{tmp_path}/x/y"
    assert root.where("/bin/sh") == f"{host.binds['/usr/bin']}/sh"
    assert root.where("/nowhere") is None


def test_a_command_must_be_there_and_executable(host: Host) -> None:
    root = Rootfs(host)
    spec.check("sh", "/nowhere:/bin", "/", root)
    spec.check("./sh", "", "/usr/bin", root)
    for missing in ("none", "data"):
        with pytest.raises(CRIError, match=rf'exec: "{missing}": executable file not found in \$PATH'):
            spec.check(missing, "/bin", "/", root)
    with pytest.raises(CRIError, match='exec: "/no": stat /no: no such file or directory'):
        spec.check("/no", "/bin", "/", root)


def test_a_whole_description(host: Host, tmp_path: Path) -> None:
    wish = spec.Wish(command=["sh"], workdir="/work", mounts=[Bind(str(tmp_path / "new"), "/v", readonly=False)], readonly=True)
    body = spec.describe(IMAGE, wish, ROOT, {}, host, "/bwrap")
    assert body["argv"][0] == "/bwrap"
    assert body["argv"][-5:] == ["/", "--chdir", "/work", "--", "sh"]
    assert body["exec"] == {"dir": "/work"}
    assert (tmp_path / "new").is_dir()


APP = Image("i", (), (), user=User("app", 100, 101, "/home/app", (5,)), users=(User("app", 100, 101, "/home/app", (5,)),))


def test_the_images_user_is_the_default() -> None:
    who = identity.choose(APP, 65536, None, "", None, [7])
    assert (who.uid, who.gid, who.groups, who.home) == (100, 101, (5, 7), "/home/app")
    assert who.command == ["setpriv", "--reuid=100", "--regid=101", "--groups=5,7", "--pdeathsig=KILL", "--"]
    assert who.exec == {"uid": 100, "gid": 101, "groups": [5, 7]}
    assert who.bwrap == []


def test_an_id_that_is_not_mapped_is_only_shown() -> None:
    who = identity.choose(APP, 1, 1234, "", None, [])
    assert who.command == []
    assert who.bwrap == ["--unshare-user", "--uid", "1234", "--gid", "0"]
    assert who.exec["prefix"]


def test_users_by_name() -> None:
    assert identity.choose(APP, 1, None, "nobody", None, []).uid == 65534
    with pytest.raises(CRIError, match="unable to find user ghost"):
        identity.choose(APP, 1, None, "ghost", None, [])
    assert "app:x:100:101:app:/home/app:/bin/sh" in identity.passwd(APP)
    assert "app:x:101:" in identity.group(APP)
