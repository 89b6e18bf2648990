from __future__ import annotations

from pathlib import Path

import pytest
from node import Node
from pod import Container, Failed, Pod


def test_an_image_that_is_not_there_says_what_there_is(node: Node) -> None:
    import api_pb2 as pb

    with Failed("NOT_FOUND") as failed:
        node.call("PullImage", image=pb.ImageSpec(image="nosuch:1"))
    assert "nginx" in failed.message
    with Failed("NOT_FOUND") as failed:
        node.call("PullImage", image=pb.ImageSpec(image="nginx:0.1"))
    assert "stable" in failed.message
    assert not node.call("ImageStatus", image=pb.ImageSpec(image="nosuch:1")).HasField("image")


def test_an_image_is_found_by_every_name_it_has(node: Node) -> None:
    import api_pb2 as pb

    digest = node.call("PullImage", image=pb.ImageSpec(image="nginx:stable")).image_ref
    for name in ("nginx", "docker.io/library/nginx:1.31.3", digest, f"nginx@{digest}"):
        assert node.call("ImageStatus", image=pb.ImageSpec(image=name)).image.id == digest
    assert node.call("ImageStatus", image=pb.ImageSpec(image=digest)).image.uid.value == 101
    assert digest in {image.id for image in node.call("ListImages").images}


def test_nginx_serves_and_ends_gracefully(pod: Pod, node: Node, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("from a ConfigMap")
    server = pod.run(image="nginx:stable", mounts=[pod.mount(tmp_path, "/usr/share/nginx/html", readonly=True)], name="server")
    assert fetch(node, server, "http://localhost/") == "from a ConfigMap"
    server.stop()
    assert server.status.exit_code == 0
    assert any("GET / HTTP/1.1" in text for stream, _, text in server.logs() if stream == "stdout")


@pytest.mark.parametrize("tag", ["blue", "green", "yellow", "slow-green"])
def test_the_demo_application_tells_its_tag(pod: Pod, node: Node, tag: str) -> None:
    if not node.has("podinfo"):
        pytest.skip("podinfo is not built")
    application = pod.run(image=f"labkit/demo:{tag}")
    assert f'"message": "{tag}"' in fetch(node, application, "http://localhost:9898/")
    assert fetch(node, application, "http://localhost:9797/healthz") == "OK"


def fetch(node: Node, container: Container, url: str) -> str:
    return str(node.eventually(f"{url} to answer", lambda: container.exec("wget", "-qO-", url).stdout.decode()))
