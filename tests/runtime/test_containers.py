from __future__ import annotations

from pathlib import Path

import pytest
from node import Node
from pod import Failed, Pod


def test_a_container_runs_and_ends_with_its_exit_code(pod: Pod) -> None:
    done, failed = pod.sh("exit 0", name="done").wait(), pod.sh("exit 3", name="failed").wait()
    assert (done.exit_code, done.reason) == (0, "Completed")
    assert (failed.exit_code, failed.reason) == (3, "Error")
    assert done.created_at <= done.started_at <= done.finished_at


def test_stop_asks_first_and_returns_when_it_has_ended(pod: Pod, node: Node) -> None:
    polite = pod.sh("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done", name="polite")
    node.eventually("it to listen to signals", lambda: "ready" in polite.log_path.read_text())
    polite.stop()
    assert (polite.status.exit_code, polite.text()) == (7, "ready\nbye")


def test_stop_kills_what_does_not_listen(pod: Pod) -> None:
    deaf = pod.run("sleep", "infinity", name="deaf")  # as process 1 it has no handler, so the kernel drops the signal
    deaf.stop(timeout=1)
    assert (deaf.status.exit_code, deaf.status.reason) == (137, "Error")
    deaf.stop()


def test_a_command_that_is_not_there_is_told_as_elsewhere(pod: Pod) -> None:
    container = pod.create("no-such-command")
    with Failed("UNKNOWN") as failed:
        container.start()
    assert failed.message == 'exec: "no-such-command": executable file not found in $PATH'
    assert (container.status.exit_code, container.status.reason) == (128, "StartError")
    assert failed.message in container.status.message
    path = pod.create("/no/such", name="path")
    with Failed("UNKNOWN") as failed:
        path.start()
    assert failed.message == 'exec: "/no/such": stat /no/such: no such file or directory'


def test_environment_is_the_images_and_the_pods_only(pod: Pod) -> None:
    environment = dict(
        line.split("=", 1) for line in pod.run("env", envs=pod.env(COLOR="blue", PATH="/usr/bin")).text().splitlines()
    )
    del environment["PWD"]  # bwrap says where it has gone
    assert environment == {"COLOR": "blue", "PATH": "/usr/bin", "HOME": "/root", "HOSTNAME": pod.name}


def test_the_shell_is_as_able_as_busyboxs(pod: Pod) -> None:
    if not Path("/usr/bin/bash").exists():
        pytest.skip("this machine has no bash")
    assert pod.sh("[[ -e / ]] && printenv data-1", envs=[pod.pb.KeyValue(key="data-1", value=b"kept")]).text() == "kept"


def test_working_folder_is_made_and_entered(pod: Pod) -> None:
    assert pod.run("pwd", working_dir="/made/for/me").text() == "/made/for/me"


def test_the_pods_names_are_its_own(pod: Pod) -> None:
    container = pod.run("sleep", "infinity")
    assert container.output("hostname") == pod.name
    assert f"{pod.ip}\t{pod.name}" in container.output("cat /etc/hosts")


def test_dns_is_the_sandboxs(node: Node) -> None:
    dns = {"servers": ["10.96.0.10"], "searches": ["a.b", "b"], "options": ["ndots:5"]}
    container = Pod(node, dns_config=dns).run("cat", "/etc/resolv.conf")
    assert container.text() == "nameserver 10.96.0.10\nsearch a.b b\noptions ndots:5"


def test_processes_see_only_their_container(pod: Pod) -> None:
    assert pod.sh("echo $$; ls -d /proc/[0-9]* | head -1").text().split() == ["1", "/proc/1"]


def test_containers_of_a_pod_share_network_and_memory(pod: Pod) -> None:
    writer = pod.sh("echo shared > /dev/shm/note; exec sleep infinity", name="writer")
    reader = pod.run("sleep", "infinity", name="reader")
    assert reader.output("cat /dev/shm/note") == "shared"
    assert reader.output("readlink /proc/self/ns/net /proc/self/ns/ipc") == writer.output(
        "readlink /proc/self/ns/net /proc/self/ns/ipc"
    )


def test_a_user_is_shown_even_where_only_one_id_is_mapped(pod: Pod) -> None:
    user = pod.context(run_as_user=pod.pb.Int64Value(value=1234), run_as_group=pod.pb.Int64Value(value=99))
    container = pod.run("sleep", "infinity", linux=user)
    assert container.output("echo $(id -u) $(id -g)") == "1234 99"
    assert container.status.user.linux.uid == 1234


def test_a_read_only_root_takes_no_files_but_mounts_do(pod: Pod, tmp_path: Path) -> None:
    script = "touch /file /tmp/file; touch /data/file && echo written"
    container = pod.sh(script, linux=pod.context(readonly_rootfs=True), mounts=[pod.mount(tmp_path, "/data")])
    assert "written" in container.text().splitlines()
    assert (tmp_path / "file").exists()
    assert container.text().count("Read-only file system") == 2


def test_unknown_ids_are_not_found_and_removing_them_is_fine(node: Node) -> None:
    for call, field in (
        ("ContainerStatus", "container_id"),
        ("StartContainer", "container_id"),
        ("ExecSync", "container_id"),
        ("ContainerStats", "container_id"),
        ("PodSandboxStatus", "pod_sandbox_id"),
        ("PodSandboxStats", "pod_sandbox_id"),
    ):
        with Failed("NOT_FOUND"):
            node.call(call, **{field: "none"})
    for call, field in (
        ("StopContainer", "container_id"),
        ("RemoveContainer", "container_id"),
        ("StopPodSandbox", "pod_sandbox_id"),
        ("RemovePodSandbox", "pod_sandbox_id"),
    ):
        node.call(call, **{field: "none"})


def test_lists_are_filtered(pod: Pod, node: Node) -> None:
    pb = pod.pb
    one = pod.run("sleep", "infinity", name="one", labels={"app": "one"})
    two = pod.sh("exit 0", name="two", labels={"app": "two"})
    two.wait()

    def ids(**fields: object) -> set[str]:
        return {each.id for each in node.call("ListContainers", filter=pb.ContainerFilter(**fields)).containers}

    assert ids() == ids(pod_sandbox_id=pod.id) == {one.id, two.id}
    assert ids(state=pb.ContainerStateValue(state=pb.CONTAINER_RUNNING)) == ids(label_selector={"app": "one"}) == {one.id}
    assert ids(id=two.id) == {two.id}
    assert ids(pod_sandbox_id="other") == set()


def test_removing_a_running_container_kills_it(pod: Pod, node: Node) -> None:
    container = pod.run("sleep", "infinity")
    container.remove()
    container.remove()
    assert not node.call("ListContainers").containers
    assert "infinity" not in node.commands()


def test_memory_beyond_the_limit_ends_a_container(pod: Pod) -> None:
    limited = pod.pb.LinuxContainerConfig(resources=pod.pb.LinuxContainerResources(memory_limit_in_bytes=20 << 20))
    modest = pod.run("sleep", "infinity", linux=limited, name="modest")
    greedy = pod.sh("(head -c 60m /dev/zero; sleep infinity) | tail", linux=limited)  # tail keeps it all: there is no line in it
    status = greedy.wait()
    assert (status.exit_code, status.reason) == (137, "OOMKilled")
    assert modest.state == "RUNNING"


def test_statistics_count_children_and_never_go_back(pod: Pod, node: Node) -> None:
    container = pod.run("sleep", "infinity")
    container.exec("sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done")
    first = container.stats
    assert first.memory.working_set_bytes.value > 0
    assert container.stats.cpu.usage_core_nano_seconds.value >= first.cpu.usage_core_nano_seconds.value
    busy = pod.sh("sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; exec sleep infinity", name="busy")
    node.eventually("its child's time to count", lambda: busy.stats.cpu.usage_core_nano_seconds.value > 50_000_000)
    pods = node.call("ListPodSandboxStats").stats
    assert [each.attributes.id for each in pods] == [pod.id]
    assert {each.attributes.id for each in pods[0].linux.containers} == {container.id, busy.id}
    assert pods[0].linux.network.default_interface.name == "eth0"
