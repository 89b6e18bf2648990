"""All sandboxes and containers there are, and what can be done with them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from labkit.cluster.embedded.cri import identity, spec
from labkit.cluster.embedded.cri.addresses import Addresses
from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.config import Config
from labkit.cluster.embedded.cri.container import Container
from labkit.cluster.embedded.cri.errors import CRIError, NotFoundError, RefusedError, ShimGoneError
from labkit.cluster.embedded.cri.events import Events
from labkit.cluster.embedded.cri.images import Catalogue, Image
from labkit.cluster.embedded.cri.records import ContainerRecord, Records, SandboxRecord
from labkit.cluster.embedded.cri.rootfs import Bind, Host
from labkit.cluster.embedded.cri.sandbox import Sandbox
from labkit.cluster.embedded.cri.shim import Shim


class Pods:
    """The runtime's whole state. One event loop runs everything, so nothing here needs a lock. connected: the shim is there."""

    def __init__(self, config: Config, catalogue: Catalogue) -> None:
        self.config = config
        self.catalogue = catalogue
        self.shim = Shim(config.shim_socket)
        self.events = Events()
        self.sandboxes: dict[str, Sandbox] = {}
        self.containers: dict[str, Container] = {}
        self.connected = False
        self._host = Host()
        self._addresses = Addresses(config.pod_cidr)
        self._sandbox_records = Records(config.state / "sandboxes", SandboxRecord)
        self._container_records = Records(config.state / "containers", ContainerRecord)
        self._image_files = config.state / "images"
        self._image_files.mkdir(exist_ok=True)
        self._load()

    def _load(self) -> None:
        for record, raw in self._sandbox_records.load():
            sandbox = Sandbox(record, pb.PodSandboxConfig.FromString(raw), self._sandbox_records.path(record.id))
            self.sandboxes[record.id] = sandbox
            if record.ip and record.ready:
                self._addresses.claim(record.ip)
        for container_record, raw in self._container_records.load():
            if container_record.sandbox in self.sandboxes:
                self._add(container_record, pb.ContainerConfig.FromString(raw))
            else:
                self._container_records.remove(container_record.id)

    def _add(self, record: ContainerRecord, config: Any) -> None:
        sandbox = self.sandboxes[record.sandbox]
        container = Container(record, config, sandbox.config.log_directory, self._container_records.save)
        self.containers[record.id] = container
        with contextlib.suppress(CRIError):  # the catalogue may have changed since; what runs already goes on
            image = self.catalogue.find(record.image_id)
            who = self._identity(image, config)
            container.identity = (who.uid, who.gid, who.groups)
            container.stop_signal = _stop_signal(config, image)

    def sandbox(self, id: str) -> Sandbox:
        """Raises NotFoundError."""
        if id not in self.sandboxes:
            raise NotFoundError(f"pod sandbox {id} not found")
        return self.sandboxes[id]

    def container(self, id: str) -> Container:
        """Raises NotFoundError."""
        if id not in self.containers:
            raise NotFoundError(f"container {id} not found")
        return self.containers[id]

    def of(self, sandbox_id: str) -> Iterator[Container]:
        """A sandbox's containers."""
        return (each for each in list(self.containers.values()) if each.record.sandbox == sandbox_id)

    def publish(self, id: str, kind: str, sandbox_id: str) -> None:
        """Tell the kubelet what has happened to a container or sandbox: CREATED, STARTED, STOPPED or DELETED."""
        if sandbox := self.sandboxes.get(sandbox_id):
            self.events.publish(id, kind, sandbox.status(), [each.status() for each in self.of(sandbox_id)])

    # -- sandboxes ------------------------------------------------------------------------------------------------------------

    async def run_sandbox(self, config: Any, runtime_handler: str) -> str:
        """Make a pod's network and files; returns the sandbox's id."""
        if runtime_handler:
            raise NotFoundError(f"no runtime for {runtime_handler!r} is configured")
        node_network = config.linux.security_context.namespace_options.network == pb.NODE
        record = SandboxRecord(secrets.token_hex(32), time.time_ns(), host_network=node_network)
        if not node_network:
            record.ip = self._addresses.take()
        sandbox = Sandbox(record, config, self._sandbox_records.path(record.id))
        request = {
            "host_network": node_network,
            "ip": record.ip,
            "node_ip": self._addresses.node,
            "hostname": sandbox.hostname,
            "sysctls": dict(config.linux.sysctls),
        }
        try:
            await self.shim.call("PUT", sandbox.path, request)
        except BaseException:
            self._release(record)
            raise
        self._sandbox_records.add(record, config.SerializeToString())
        sandbox.write_files()
        self.sandboxes[record.id] = sandbox
        self.publish(record.id, "CREATED", record.id)
        self.publish(record.id, "STARTED", record.id)
        return record.id

    async def stop_sandbox(self, id: str) -> None:
        """Kill a pod's containers and take its network down. Nothing happens to one that is stopped or gone."""
        sandbox = self.sandboxes.get(id)
        if sandbox is None:
            return
        await asyncio.gather(*(container.stop(self.shim, 0) for container in self.of(id)))
        if sandbox.record.ready:
            await self.shim.call("DELETE", sandbox.path)
            self.unready(sandbox)

    def unready(self, sandbox: Sandbox) -> None:
        """The sandbox's network is gone."""
        if sandbox.record.ready:
            sandbox.record.ready = False
            self._release(sandbox.record)
            self._sandbox_records.save(sandbox.record)
            self.publish(sandbox.record.id, "STOPPED", sandbox.record.id)

    def _release(self, record: SandboxRecord) -> None:
        if record.ip:
            self._addresses.release(record.ip)

    async def remove_sandbox(self, id: str) -> None:
        """Forget a pod, which is stopped first if it runs."""
        if id not in self.sandboxes:
            return
        await self.stop_sandbox(id)
        for container in self.of(id):
            await self.remove_container(container.record.id)
        self._sandbox_records.remove(id)
        self.publish(id, "DELETED", id)
        self.sandboxes.pop(id, None)

    # -- containers -----------------------------------------------------------------------------------------------------------

    def create_container(self, sandbox_id: str, config: Any) -> str:
        """Keep a container that can be started; returns its id."""
        sandbox = self.sandbox(sandbox_id)
        if not sandbox.record.ready:
            raise RefusedError(f"pod sandbox {sandbox_id} is not ready")
        image = self.catalogue.find(config.image.image)
        self._identity(image, config)
        name = config.image.user_specified_image or config.image.image
        record = ContainerRecord(secrets.token_hex(32), sandbox_id, name, image.id, time.time_ns())
        self._container_records.add(record, config.SerializeToString())
        self._add(record, config)
        self.publish(record.id, "CREATED", sandbox_id)
        return record.id

    async def start_container(self, id: str) -> None:
        """Run it. Raises CRIError if it cannot be; then it has exited with the reason StartError."""
        container = self.container(id)
        try:
            await container.start(self.shim, self._spec(container))
        except (RefusedError, ShimGoneError):
            raise
        except CRIError as error:
            container.fail(f"failed to start container: {error}")
            self.publish(id, "STOPPED", container.record.sandbox)
            raise
        self.publish(id, "STARTED", container.record.sandbox)

    def _spec(self, container: Container) -> dict[str, Any]:
        config, image = container.config, self.catalogue.find(container.record.image_id)
        sandbox, folder = self.sandbox(container.record.sandbox), self._container_records.path(container.record.id)
        (folder / "passwd").write_text(identity.passwd(image))
        (folder / "group").write_text(identity.group(image))
        accounts = [Bind(str(folder / name), f"/etc/{name}", readonly=True) for name in ("passwd", "group")]
        if any(mount.HasField("image") for mount in config.mounts):
            raise CRIError("image volumes are not offered here: an image is no file system")
        wish = spec.Wish(
            command=config.command,
            args=config.args,
            workdir=config.working_dir,
            env={each.key: bytes(each.value).decode(errors="replace") for each in config.envs},
            mounts=[
                *accounts,
                *sandbox.binds(),
                *(Bind(each.host_path, each.container_path, each.readonly) for each in config.mounts),
            ],
            hostname=sandbox.hostname,
            readonly=config.linux.security_context.readonly_rootfs,
            tty=config.tty,
            ports=_declared_ports(config),
        )
        files = self.catalogue.files(image, self._image_files)
        return spec.describe(image, wish, self._identity(image, config), files, self._host, self.config.bwrap)

    def _identity(self, image: Image, config: Any) -> identity.Identity:
        asked = config.linux.security_context
        uid = asked.run_as_user.value if asked.HasField("run_as_user") else None
        gid = asked.run_as_group.value if asked.HasField("run_as_group") else None
        return identity.choose(image, self.config.mapped_uids, uid, asked.run_as_username, gid, asked.supplemental_groups)

    def update_resources(self, id: str, resources: Any) -> None:
        """Remember new limits; the watchdog reads the one for memory."""
        container = self.container(id)
        container.config.linux.resources.MergeFrom(resources)
        self._container_records.add(container.record, container.config.SerializeToString())

    async def remove_container(self, id: str) -> None:
        """Forget it; it is killed first if it runs."""
        container = self.containers.get(id)
        if container is None:
            return
        await container.stop(self.shim, 0)
        with contextlib.suppress(NotFoundError, ShimGoneError):  # it was never started, or the shim has been since
            await self.shim.call("DELETE", container.path)
        self._container_records.remove(id)
        self.containers.pop(id, None)
        self.publish(id, "DELETED", container.record.sandbox)


def _declared_ports(config: Any) -> list[int]:
    """The TCP ports of the pod's manifest, which the kubelet passes on as an annotation."""
    declared = json.loads(config.annotations.get("io.kubernetes.container.ports", "[]"))
    return [port["containerPort"] for port in declared if port.get("protocol", "TCP") == "TCP"]


def _stop_signal(config: Any, image: Image) -> str:
    return str(pb.Signal.Name(config.stop_signal)).removeprefix("SIGNAL_") if config.stop_signal else image.stop_signal
