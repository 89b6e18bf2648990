"""One pod sandbox: its record, configuration, and the files that all containers of the pod share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.records import SandboxRecord
from labkit.cluster.embedded.cri.rootfs import Bind

_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


class Sandbox:
    """folder: holds the pod's hosts, hostname, resolv.conf and shared memory."""

    def __init__(self, record: SandboxRecord, config: Any, folder: Path) -> None:
        self.record = record
        self.config = config
        self.folder = folder

    @property
    def path(self) -> str:
        """Its address in the shim."""
        return f"/v1/sandboxes/{self.record.id}"

    @property
    def hostname(self) -> str:
        """Empty on the node's network, whose pods keep the node's name."""
        return "" if self.record.host_network else str(self.config.hostname)

    def write_files(self) -> None:
        """Make the shared files."""
        (self.folder / "shm").mkdir(exist_ok=True)
        (self.folder / "shm").chmod(0o1777)
        names = f"{self.record.ip}\t{self.hostname}\n" if self.record.ip and self.hostname else ""
        (self.folder / "hosts").write_text(_HOSTS + names)
        (self.folder / "hostname").write_text(f"{self.hostname or os.uname().nodename}\n")
        (self.folder / "resolv.conf").write_text(self._resolv_conf())

    def _resolv_conf(self) -> str:
        dns = self.config.dns_config
        if not (dns.servers or dns.searches or dns.options):
            return Path("/etc/resolv.conf").read_text() if Path("/etc/resolv.conf").exists() else ""
        lines = [f"nameserver {server}" for server in dns.servers]
        lines += [f"search {' '.join(dns.searches)}"] if dns.searches else []
        lines += [f"options {' '.join(dns.options)}"] if dns.options else []
        return "".join(f"{line}\n" for line in lines)

    def binds(self) -> list[Bind]:
        """What every container of the pod sees of these files, unless the pod mounts something over them."""
        files = [Bind(str(self.folder / name), f"/etc/{name}", readonly=False) for name in ("hosts", "hostname", "resolv.conf")]
        return [*files, Bind(str(self.folder / "shm"), "/dev/shm", readonly=False)]

    def summary(self) -> Any:
        """What a list shows of it."""
        return pb.PodSandbox(
            id=self.record.id,
            metadata=self.config.metadata,
            state=self.state,
            created_at=self.record.created_at,
            labels=self.config.labels,
            annotations=self.config.annotations,
            runtime_handler=self.record.runtime_handler,
        )

    def status(self) -> Any:
        """Its CRI status."""
        options = self.config.linux.security_context.namespace_options
        return pb.PodSandboxStatus(
            id=self.record.id,
            metadata=self.config.metadata,
            state=self.state,
            created_at=self.record.created_at,
            network=pb.PodSandboxNetworkStatus(ip=self.record.ip if self.record.ready else ""),
            linux=pb.LinuxPodSandboxStatus(namespaces=pb.Namespace(options=options)),
            labels=self.config.labels,
            annotations=self.config.annotations,
            runtime_handler=self.record.runtime_handler,
        )

    @property
    def state(self) -> Any:
        """Ready or not, in the CRI's terms."""
        return pb.SANDBOX_READY if self.record.ready else pb.SANDBOX_NOTREADY
