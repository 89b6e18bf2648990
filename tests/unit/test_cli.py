"""The command line, where it needs no cluster: what a beginner types wrong, and machines that lack something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LABKIT = [sys.executable, "-m", "labkit.cli"]


def labkit(*arguments: str, before: list[str] | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*(before or []), *LABKIT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, stdin=subprocess.DEVNULL)


def in_namespace(script: str) -> list[str]:
    """A prefix that runs a command as root of a namespace in which `script` ran first."""
    return ["unshare", "-Urm", "sh", "-c", f'{script}; exec "$@"', "sh"]


def test_an_unknown_command_suggests_the_right_one() -> None:
    done = labkit("upp")
    assert done.returncode == 2
    assert "Did you mean 'up'" in done.stderr


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize(
    ("arguments", "what", "next_"),
    [
        (["logs", "kubelett"], "no component called 'kubelett'", "kubelet"),
        (["logs", "kubelet"], "kubelet has no log", "labkit up"),
        (["up", "--provider", "moon"], "no provider called 'moon'", "embedded"),
        (["up", "--name", "Not_A_Name"], "cannot be the name of a cluster", "labkit up --name my-lab"),
        (["build", "kubelett"], "no program or stage called 'kubelett'", "kubelet"),
        (["kubectl", "get", "pods"], "There is no cluster called 'default'", "labkit up"),
        (["kubectl", "--name", "other", "get", "pods"], "There is no cluster called 'other'", "labkit up --name other"),
        (["start"], "There is no cluster called 'default'", "labkit up"),
        (["shell"], "There is no cluster called 'default'", "labkit up"),
    ],
)
def test_a_mistake_is_explained(arguments: list[str], what: str, next_: str) -> None:
    done = labkit(*arguments)
    assert done.returncode == 1
    assert what in done.stderr
    assert next_ in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("own_folders")
def test_stop_and_down_of_nothing_are_no_errors() -> None:
    assert "was not running" in labkit("stop").stdout
    assert "There was no cluster" in labkit("down", "--yes").stdout


@pytest.mark.usefixtures("own_folders")
def test_status_of_nothing_says_what_to_do() -> None:
    assert "labkit up" in labkit("status").stdout
    assert json.loads(labkit("status", "--json").stdout)["phase"] == "absent"


def test_without_user_namespaces_the_ways_out_are_named(own_folders: Path) -> None:
    forbid = in_namespace("echo 0 > /proc/sys/user/max_user_namespaces")
    done = labkit("doctor", "--json", before=forbid)
    assert done.returncode == 1
    finding = next(finding for finding in json.loads(done.stdout) if finding["subject"] == "namespaces")
    assert not finding["good"]
    assert "--provider kind" in finding["remedy"]


def test_a_missing_nft_is_named_with_the_command_to_run(own_folders: Path) -> None:
    hide = "for p in nft apt-get; do f=$(PATH=$PATH:/usr/sbin command -v $p) && mount --bind /dev/null $f; done; true"
    script = "from labkit.cluster.embedded import nft; nft.ensure(print)"
    done = subprocess.run([*in_namespace(hide), sys.executable, "-c", script], capture_output=True, text=True)
    assert "The program nft is missing" in done.stderr
    assert "sudo apt-get install nftables" in done.stderr


def test_images_lists_the_demo_tags() -> None:
    images = {entry["image"]: entry["tags"] for entry in json.loads(labkit("images", "--json").stdout)}
    assert images["labkit/demo"] == ["blue", "green", "yellow", "bad-green", "slow-green"]


def test_build_list_names_every_server() -> None:
    listed = json.loads(labkit("build", "--list", "--json").stdout)
    assert {"etcd", "kube-apiserver", "kubelet", "coredns"} <= set(listed)
