from __future__ import annotations

import re

from node import Node
from pod import Pod


def test_lines_carry_time_stream_and_tag(pod: Pod) -> None:
    container = pod.sh("echo out; echo err >&2; printf unfinished")
    assert sorted(container.logs()) == [("stderr", "F", "err"), ("stdout", "F", "out"), ("stdout", "P", "unfinished")]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ", container.log_path.read_text())


def test_long_lines_are_cut_into_parts(pod: Pod) -> None:
    lines = pod.sh("head -c 40000 /dev/zero | tr '\\0' x; echo end").logs()
    assert [tag for _, tag, _ in lines] == ["P", "P", "F"]
    assert "".join(text for _, _, text in lines) == "x" * 40000 + "end"


def test_a_renamed_log_is_followed_by_a_new_one(pod: Pod, node: Node) -> None:
    container = pod.run("cat", stdin=True)
    rotated = container.log_path.with_suffix(".log.1")
    container.log_path.rename(rotated)
    node.call("ReopenContainerLog", container_id=container.id)
    assert container.log_path.read_text() == ""
    container.exec("sh", "-c", "echo after > /proc/1/fd/1")
    node.eventually("the line to be logged", lambda: "stdout F after" in container.log_path.read_text())
    assert rotated.read_text() == ""


def test_the_log_is_complete_when_the_container_has_exited(pod: Pod) -> None:
    assert len(pod.sh("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done").logs()) == 5000
