"""The Kubernetes API through the official client, in the API's own JSON.

The client's models are not used: an object looks here as it looks in a manifest and in `kubectl get -o json`. Only this module
imports the client, and late, because the import takes most of a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labkit.ops import api_errors

if TYPE_CHECKING:
    from labkit.cluster.access import Access

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

_TIMEOUT = 15.0  # s, for an answer that is not a watch


class Api:
    """Requests to one cluster's API server.

    A path is the API's own, for instance "/api/v1/namespaces/default/pods". Every failure is a LabError that names the object.
    """

    def __init__(self, access: Access) -> None:
        self.access = access

    def get(self, path: str, **query: str) -> Object:
        """The object, or the list of objects, at `path`."""
        return self._request("GET", path, query)

    def items(self, path: str, **query: str) -> list[Object]:
        """The objects of the list at `path`."""
        items: list[Object] = self.get(path, **query)["items"]
        return items

    def merge(self, path: str, patch: Object) -> Object:
        """Change the object at `path` by a JSON merge patch (RFC 7396)."""
        return self._request("PATCH", path, {}, patch, "application/merge-patch+json")

    def strategic_merge(self, path: str, patch: Object) -> Object:
        """Change the object at `path` by a strategic merge patch, which merges lists such as containers by name."""
        return self._request("PATCH", path, {}, patch, "application/strategic-merge-patch+json")

    def json_patch(self, path: str, operations: list[Object]) -> Object:
        """Change the object at `path` by a JSON patch (RFC 6902)."""
        return self._request("PATCH", path, {}, operations, "application/json-patch+json")

    def watch(self, path: str, seconds: float, **query: str) -> Iterator[Object]:
        """The events of a watch on the list at `path`, until `seconds` have passed or the connection ends, whichever comes
        first."""
        end = time.monotonic() + seconds
        query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(int(seconds) + 1)}
        with api_errors.explained(self.access):
            response = self._send("GET", path, query, timeout=seconds).response
        try:
            if response.status == 410:  # told at once when the version is long gone, else as an event
                yield {"type": "ERROR", "object": json.loads(response.data)}
                return
            if response.status >= 400:
                raise api_errors.refused(path, json.loads(response.data))
            # The read timeout would start anew with every line; what may still pass is what is left of `seconds`.
            socket = response.connection.sock
            unfinished = b""
            for chunk in _until_dropped(response.stream(amt=None)):
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines)
                left = end - time.monotonic()
                if left <= 0:
                    return
                socket.settimeout(left)
        finally:
            response.close()

    def _request(self, method: str, path: str, query: dict[str, str], body: Any = None, media: str = "") -> Object:
        with api_errors.explained(self.access):
            response = self._send(method, path, query, body, media, _TIMEOUT)
            answer: Object = json.loads(response.read())
        if response.status >= 400:
            raise api_errors.refused(path, answer)
        return answer

    def _send(
        self, method: str, path: str, query: dict[str, str], body: Any = None, media: str = "", timeout: float = _TIMEOUT
    ) -> Any:
        """The client's response, whatever its status; the client adds the kubeconfig's credentials."""
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"} | ({"Content-Type": media} if media else {}),
            auth_settings=["BearerToken"],
        )
        verb, url, headers, _, _ = request
        return self._client.call_api(verb, url, headers, body, _request_timeout=timeout)

    @cached_property
    def _client(self) -> Any:
        from kubernetes import client, config

        settings = client.Configuration()
        # A refused connection is told at once, and not after three tries that each log a warning.
        settings.retries = False
        load: Any = config.load_kube_config
        load(str(self.access.kubeconfig), self.access.context, settings, persist_config=False)
        return client.ApiClient(settings)


def _until_dropped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks until the stream ends, in order, by the read timeout, or because the connection broke."""
    from urllib3.exceptions import HTTPError

    try:
        yield from chunks
    except (HTTPError, OSError):
        return
