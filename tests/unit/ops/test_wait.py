"""Waits, against an HTTP server that speaks the watch protocol and misbehaves on command."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from recorded_kubectl import MakeAccess

from labkit.errors import LabError
from labkit.ops import wait
from labkit.ops.api import Api, Object

PATH = "/api/v1/namespaces/default/pods"


def pod(name: str, version: int, ready: bool = False) -> Object:
    return {"metadata": {"uid": name, "name": name, "resourceVersion": str(version)}, "ready": ready}


def line(kind: str, obj: Object) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


class Server:
    """Answers lists with `listing`, and the watches one after the other with the chunks of `watches`; None holds one open."""

    def __init__(self) -> None:
        self.listing: list[Object] = []
        self.watches: list[list[bytes | None]] = []
        self.requests: list[dict[str, list[str]]] = []
        self.status = 200
        self.body: Object = {}
        self.release = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                server.requests.append(query)
                if "watch" in query and server.watches:
                    self.watch(server.watches.pop(0))
                elif server.status != 200:
                    self.answer(server.status, server.body)
                else:
                    self.answer(200, {"metadata": {"resourceVersion": "10"}, "items": server.listing})

            def answer(self, status: int, obj: Object) -> None:
                body = json.dumps(obj).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def watch(self, chunks: list[bytes | None]) -> None:
                if chunks == [b"410"]:
                    self.answer(410, {"kind": "Status", "code": 410})
                    return
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for chunk in chunks:
                    if chunk is None:
                        self.wfile.flush()
                        server.release.wait(30)
                    elif chunk == b"reset":
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                    else:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *args: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda request, address: None  # a client that went away
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def api(server: Server, make_access: MakeAccess) -> Api:
    access = make_access(api_url=server.url)
    entry = {"clusters": "cluster", "users": "user", "contexts": "context"}
    content: dict[str, Any] = {plural: [{"name": "test", single: {}}] for plural, single in entry.items()}
    content["clusters"][0]["cluster"] = {"server": server.url}
    content["contexts"][0]["context"] = {"cluster": "test", "user": "test"}
    access.kubeconfig.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "test"} | content))
    return Api(access)


def names_of(wanted: str) -> Callable[[list[Object]], str | None]:
    """A decision: the names of the ready pods, once they are `wanted`."""

    def decide(objects: list[Object]) -> str | None:
        ready = " ".join(sorted(obj["metadata"]["name"] for obj in objects if obj["ready"]))
        return ready if ready == wanted else None

    return decide


def test_what_is_so_already_needs_no_watch(server: Server, api: Api) -> None:
    server.listing = [pod("a", 9, ready=True)]
    assert wait.until(api, PATH, names_of("a"), 30) == "a"
    assert len(server.requests) == 1


def test_changes_additions_and_deletions_are_followed(server: Server, api: Api) -> None:
    server.listing = [pod("a", 8), pod("b", 9, ready=True)]
    changes = [line("ADDED", pod("c", 11, ready=True)), line("DELETED", pod("b", 12)), line("MODIFIED", pod("a", 13, ready=True))]
    server.watches = [[*changes, None]]
    assert wait.until(api, PATH, names_of("a c"), 30, labelSelector="app=web") == "a c"
    assert server.requests[1]["resourceVersion"] == ["10"]
    assert server.requests[1]["labelSelector"] == ["app=web"]


def test_an_event_may_arrive_in_pieces(server: Server, api: Api) -> None:
    whole = line("ADDED", pod("a", 11)) + line("MODIFIED", pod("a", 12, ready=True))
    server.watches = [[whole[:7], whole[7:90], whole[90:], None]]
    assert wait.until(api, PATH, names_of("a"), 30) == "a"


@pytest.mark.parametrize("end", [[], [b"reset"]], ids=["closed", "reset"])
def test_a_dropped_watch_goes_on_where_it_was(server: Server, api: Api, end: list[bytes | None]) -> None:
    bookmark = line("BOOKMARK", {"metadata": {"resourceVersion": "40"}})
    first: list[bytes | None] = [line("ADDED", pod("a", 11)), bookmark, *end]
    server.watches = [first, [line("MODIFIED", pod("a", 41, ready=True)), None]]
    assert wait.until(api, PATH, names_of("a"), 30) == "a"
    assert [request.get("resourceVersion") for request in server.requests] == [None, ["10"], ["40"]]


GONE = line("ERROR", {"kind": "Status", "code": 410})


@pytest.mark.parametrize("gone", [[GONE], [b"410"]], ids=["event", "answer"])
def test_a_watch_that_is_too_old_starts_from_a_new_list(server: Server, api: Api, gone: list[bytes | None]) -> None:
    server.listing = [pod("a", 8)]
    server.watches = [gone, [line("ADDED", pod("b", 11, ready=True)), None]]
    assert wait.until(api, PATH, names_of("b"), 30) == "b"
    assert [("watch" in request, request.get("resourceVersion")) for request in server.requests] == [
        (False, None),
        (True, ["10"]),
        (False, None),
        (True, ["10"]),
    ]


def test_a_silent_server_does_not_hold_the_wait_beyond_its_time(server: Server, api: Api) -> None:
    server.watches = [[line("ADDED", pod("a", 11)), None]]
    assert wait.until(api, PATH, names_of("a"), 0.5) is None
    assert not server.release.is_set()


def test_what_a_decision_raises_ends_the_wait(server: Server, api: Api) -> None:
    def decide(objects: list[Object]) -> str | None:
        if objects:
            raise LabError("It cannot heal.")
        return None

    server.watches = [[line("ADDED", pod("a", 11)), None]]
    with pytest.raises(LabError, match="cannot heal"):
        wait.until(api, PATH, decide, 30)


def test_a_cluster_that_stops_during_the_wait_is_told(server: Server, api: Api) -> None:
    server.watches = [[line("ADDED", pod("a", 11)), GONE]]
    server.listing = [pod("a", 8)]

    def decide(objects: list[Object]) -> str | None:
        if objects[0]["metadata"]["resourceVersion"] == "11":
            server.http.socket.close()
        return None

    with pytest.raises(LabError, match="does not answer") as caught:
        wait.until(api, PATH, decide, 30)
    assert "labkit start" in caught.value.next


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (404, 'There is no pod "web" in namespace "default".'),
        (409, 'Something else changed the pod "web" in namespace "default" at the same moment.'),
        (422, 'The cluster refused the change to the pod "web" in namespace "default": it would not be valid.'),
        (403, 'This kubeconfig\'s user may not do that to the pod "web" in namespace "default".'),
        (401, "The cluster does not know this kubeconfig's user."),
        (500, 'The cluster could not answer about the pod "web" in namespace "default".'),
    ],
)
def test_what_the_api_refuses_is_told(server: Server, api: Api, status: int, what: str) -> None:
    server.status = status
    server.body = {
        "kind": "Status",
        "code": status,
        "message": "because",
        "details": {"causes": [{"field": "f", "message": "m"}]},
    }
    with pytest.raises(LabError) as caught:
        api.get(f"{PATH}/web")
    assert caught.value.what == what
    with pytest.raises(LabError):
        next(api.watch(PATH, 5))


def test_a_cluster_that_is_gone_is_told(make_access: MakeAccess) -> None:
    with pytest.raises(LabError, match="is gone"):
        Api(make_access()).get(PATH)
