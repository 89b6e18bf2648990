"""The front door of labkit: one cluster, and what a lesson does with it."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.cluster.access import Access
    from labkit.ops.api import Api
    from labkit.ops.deployment import Deployment
    from labkit.ops.manifest import Source
    from labkit.ops.route import Route
    from labkit.traffic import Traffic

_GATEWAY = "traefik"


class Lab:
    """One cluster to learn on.

    lab = Lab.up() starts it, or opens it when it runs; everything else is plain Kubernetes on it.
    """

    def __init__(self, access: Access, changed: bool = False) -> None:
        self.access = access
        self.changed = changed
        """Whether `up` had anything to do."""

    @classmethod
    def up(cls, name: str | None = None, provider: str = "auto", **options: Any) -> Lab:
        """Start the cluster `name` unless it runs, make sure that its gateway answers, and open it.

        name: by default what the variable LABKIT_NAME says, else "default". provider: "embedded", "kind", "existing", or "auto"
        to choose by what this machine has. options: what `labkit.cluster.up` takes besides, such as `report`; in a
        notebook the progress stands under the cell. Raises LabError when the cluster or its gateway does not come up.
        """
        from labkit import addons, cluster
        from labkit.lesson import progress

        name = name or _default_name()
        ran = _runs(name)
        with progress.shown(done="The cluster is up.") as shown:
            gateway = addons.load(_GATEWAY)

            def apply(access: Access) -> None:
                addons.apply(access, gateway)

            access = cluster.up(name, provider=provider, meanwhile=apply, **{"report": shown} | options)
            addons.wait(access, gateway)
        return cls(access, changed=not ran)

    @classmethod
    def current(cls, name: str | None = None) -> Lab:
        """Open the running cluster `name`, chosen as in `up`. Raises LabError when there is none."""
        from labkit import cluster

        return cls(cluster.current(name or _default_name()))

    @property
    def gateway_url(self) -> str:
        """Where the gateway answers on this machine, as http://host:port. Its port may differ after every start."""
        return self.access.gateway_url

    def apply(self, source: Source, namespace: str | None = None) -> None:
        """`kubectl apply` YAML text, a YAML file, or objects as dictionaries, and print what kubectl prints.

        Of several objects none is applied when the cluster would refuse one. Raises LabError with line and column for broken
        YAML, and for what the cluster refuses: an unknown kind or field, a wrong type, a field that is missing or cannot be
        changed.
        """
        from labkit.ops.apply import apply

        apply(self.access, source, namespace)

    def delete(self, source: Source, namespace: str | None = None) -> None:
        """`kubectl delete` what `apply` takes, or by name, as "deployment/demo-app service/demo-app". What is not there is
        passed over."""
        from labkit.ops.apply import delete

        delete(self.access, source, namespace)

    def kubectl(self, command: str, seconds: float | None = None, check: bool = False) -> None:
        """Run a kubectl command line, such as "get pods -o wide", and print what it prints, as it comes.

        seconds: end a command that would go on for ever (`get -w`, `logs -f`) after that time. A command that fails prints
        kubectl's own message and the notebook goes on, as a terminal would; with check=True it raises LabError too. There is no
        shell: a pipe or a redirection raises LabError.
        """
        from labkit.ops import kubectl

        code = kubectl.show(self.access, kubectl.split(command), seconds)
        if code and check:
            raise LabError(f"kubectl {command.removeprefix('kubectl ')} failed.", f"Exit code {code}; its message is above.")

    def deployment(self, name: str, namespace: str = "default") -> Deployment:
        """The Deployment `name`; the cluster is asked when something is done with it."""
        from labkit.ops.deployment import Deployment

        return Deployment(self._api, name, namespace)

    def route(self, host: str, service: str, port: int = 80, namespace: str = "default") -> Route:
        """Let the gateway send requests for `host` to a Service, by a Traefik IngressRoute, and wait until it does.

        Raises LabError when the Service is not there or has no such port.
        """
        from labkit.ops.route import Route, open_route

        return open_route(self._api, Route(host, service, port, namespace))

    def traffic(self, host: str, rps: float = 50, path: str = "/", timeout: float = 10) -> Traffic:
        """Real requests for `host` through the gateway, at `rps` a second, until the with-block ends; every outcome is recorded.

        timeout: seconds until a request counts as unanswered. Raises LabError for a rate that cannot be sent.
        """
        from labkit.traffic import Traffic
        from labkit.traffic.plan import Plan

        return Traffic(Plan(f"{self.gateway_url}/{path.lstrip('/')}", host, rps, timeout))

    @cached_property
    def _api(self) -> Api:
        from labkit.ops.api import Api

        return Api(self.access)

    def __repr__(self) -> str:
        return f"Lab {self.access.name}: ready"

    def _repr_html_(self) -> str:
        return (
            f'<b>Lab {self.access.name}</b>: ready. Try <code>lab.kubectl("get nodes")</code>, <code>lab.apply(yaml)</code>, '
            '<code>lab.deployment("demo-app")</code>.'
        )


def _default_name() -> str:
    return os.environ.get("LABKIT_NAME") or "default"


def _runs(name: str) -> bool:
    from labkit import cluster

    try:
        cluster.current(name)
    except LabError:
        return False
    return True
