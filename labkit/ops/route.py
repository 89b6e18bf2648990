"""A route through the gateway: requests for a host go to a Service."""

from __future__ import annotations

import html
import http.client
import re
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.ops import apply
from labkit.ops.api import Api, Object

if TYPE_CHECKING:
    from labkit.cluster.access import Access

_SETTLE = 5.0  # s, for the gateway to take a new route up; it needs less than one
_PAUSE = 0.05  # s between requests; the gateway offers nothing to watch from outside


@dataclass(frozen=True)
class Route:
    """host: the Host header that chooses this route. service, port: where its requests go."""

    host: str
    service: str
    port: int
    namespace: str = "default"

    @property
    def manifest(self) -> Object:
        """The route as Traefik's custom resource."""
        target = {"name": self.service, "port": self.port}
        return {
            "apiVersion": "traefik.io/v1alpha1",
            "kind": "IngressRoute",
            "metadata": {"name": self.host, "namespace": self.namespace},
            "spec": {
                "entryPoints": ["web"],
                "routes": [{"kind": "Rule", "match": f"Host(`{self.host}`)", "services": [target]}],
            },
        }

    def __repr__(self) -> str:
        return f"{self.host} -> service {self.service}:{self.port}"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(self.host)}</code> → service <code>{html.escape(self.service)}:{self.port}</code>"


def open_route(api: Api, route: Route) -> Route:
    """Apply the route and wait until the gateway has taken it up.

    Raises LabError when the host is not a DNS name, and when the Service is not there or has no such port.
    """
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", route.host):
        raise LabError(f"{route.host!r} cannot be the host of a route.", "A host is a DNS name in lower case.", 'host="demo.lab"')
    service = api.get(f"/api/v1/namespaces/{route.namespace}/services/{route.service}")
    ports = [port["port"] for port in service["spec"].get("ports", [])]
    if route.port not in ports:
        there = ", ".join(map(str, ports)) or "none"
        raise LabError(f"The service {route.service} has no port {route.port}.", f"Its ports: {there}")
    apply.apply(api.access, route.manifest)
    end = time.monotonic() + _SETTLE
    while not _taken_up(api.access, route.host) and time.monotonic() < end:
        time.sleep(_PAUSE)
    return route


def _taken_up(access: Access, host: str) -> bool:
    """Whether the gateway answers for the host with anything but its own "404 page not found"."""
    address = urllib.parse.urlsplit(access.gateway_url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=2)
    try:
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        return not (answer.status == 404 and answer.read() == b"404 page not found\n")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
