"""Finding out that a process serves. A probe returns True once it does and False as long as it does not."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

Probe = Callable[[], bool]

_TIMEOUT = 2.0
_LOOPBACK = "127.0.0.1"


def nothing() -> bool:
    """True."""
    return True


def unix_socket(path: Path) -> Probe:
    """True once somebody accepts connections on the unix socket `path`."""

    def probe() -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_TIMEOUT)
            try:
                sock.connect(str(path))
            except OSError:
                return False
            return True

    return probe


def http_get(port: int, path: str) -> Probe:
    """True once `GET path` on loopback answers 200."""

    def probe() -> bool:
        return _succeeds(http.client.HTTPConnection(_LOOPBACK, port, timeout=_TIMEOUT), path)

    return probe


def https_get(port: int, path: str, authority: Path) -> Probe:
    """The same over TLS, with a certificate of `authority`."""

    def probe() -> bool:
        context = ssl.create_default_context(cafile=str(authority))
        return _succeeds(http.client.HTTPSConnection(_LOOPBACK, port, timeout=_TIMEOUT, context=context), path)

    return probe


def _succeeds(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class ApiClient:
    """A very small client of the API server, for the supervisor: it needs three requests and has no time for a library."""

    def __init__(self, host: str, port: int, authority: Path, certificate: Path, key: Path) -> None:
        self._address = (host, port)
        self._files = (authority, certificate, key)

    def serves(self) -> bool:
        """True once the API server answers requests, though its first roles may still be missing."""
        return self._succeeds("/livez/ping")

    def ready(self) -> bool:
        """True once the API server says that it is ready."""
        return self._succeeds("/readyz")

    def _succeeds(self, path: str) -> bool:
        try:
            return self._request("GET", path)[0] == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at `path`, or None while there is none or nobody answers."""
        try:
            status, body = self._request("GET", path)
        except (OSError, http.client.HTTPException):
            return None
        return json.loads(body) if status == http.client.OK else None

    def apply(self, path: str, manifest: dict[str, Any]) -> None:
        """Server-side apply of `manifest` at `path`. Raises OSError when it is refused."""
        status, body = self._request(
            "PATCH",
            f"{path}?fieldManager=labkit&force=true",
            json.dumps(manifest),
            {"Content-Type": "application/apply-patch+yaml"},
        )
        if status not in (http.client.OK, http.client.CREATED):
            raise OSError(f"{path}: {status} {body.decode(errors='replace')}")

    def _request(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        authority, certificate, key = self._files
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(str(certificate), str(key))
        connection = http.client.HTTPSConnection(*self._address, timeout=10, context=context)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
