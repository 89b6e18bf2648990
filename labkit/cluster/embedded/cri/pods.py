"""All sandboxes and containers there are, on disk and in the shim, and how the two are brought together again."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from typing import Any

from labkit.cluster.embedded.cri import identity, spec
from labkit.cluster.embedded.cri.addresses import Addresses
from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.config import Config
from labkit.cluster.embedded.cri.container import Container
from labkit.cluster.embedded.cri.errors import CRIError, NotFound, Refused, ShimGone
from labkit.cluster.embedded.cri.events import Events
from labkit.cluster.embedded.cri.images import Catalogue, Image
from labkit.cluster.embedded.cri.records import ContainerRecord, Records, SandboxRecord
from labkit.cluster.embedded.cri.rootfs import Bind, Host
from labkit.cluster.embedded.cri.sandbox import Sandbox
from labkit.cluster.embedded.cri.shim import Shim

log = logging.getLogger(__name__)

_RETRY = 0.1  # seconds between two tries to reach a shim that is not there


class Pods:
    """The runtime's whole state. Everything runs in one event loop, so nothing here needs a lock."""

    def __init__(self, config: Config, catalogue: Catalogue) -> None:
        self.config = config
        self.catalogue = catalogue
        self.shim = Shim(config.shim_socket)
        self.events = Events()
        self.sandboxes: dict[str, Sandbox] = {}
        self.containers: dict[str, Container] = {}
        self.connected = False
        self.shim_pid = 0
        self._host = Host()
        self._addresses = Addresses(config.pod_cidr)
        self._sandbox_records = Records(config.state / "sandboxes", SandboxRecord)
        self._container_records = Records(config.state / "containers", ContainerRecord)
        self._texts = config.state / "images"
        self._texts.mkdir(exist_ok=True)
        self._load()

    def _load(self) -> None:
        for record, raw in self._sandbox_records.load():
            sandbox = Sandbox(record, pb.PodSandboxConfig.FromString(raw), self._sandbox_records.path(record.id))
            self.sandboxes[record.id] = sandbox
            if record.ip and record.ready:
                self._addresses.claim(record.ip)
        for container_record, raw in self._container_records.load():
            if container_record.sandbox not in self.sandboxes:
                self._container_records.remove(container_record.id)
                continue
            self._add(container_record, pb.ContainerConfig.FromString(raw))

    def _add(self, record: ContainerRecord, config: Any) -> Container:
        sandbox = self.sandboxes[record.sandbox]
        container = Container(record, config, sandbox.config.log_directory, self._container_records.save)
        self.containers[record.id] = container
        try:
            image = self.catalogue.find(record.image_id)
        except NotFound:
            return container  # the catalogue has changed since; what runs already goes on
        who = self._identity(image, config)
        container.identity = (who.uid, who.gid, who.groups)
        container.stop_signal = _stop_signal(config, image)
        return container

    # -- the shim's view --------------------------------------------------------------------------------------------------------------

    async def follow(self, ready: asyncio.Event) -> None:
        """Take over the shim's state, then every exit it reports; begin again when it has been started anew. Never returns."""
        while True:
            try:
                states = self.shim.events()
                first = await anext(states, None)
                if first is not None:
                    await self._reconcile(first)
                    self.connected = True
                    ready.set()
                    async for state in states:
                        self._exited(state)
            except ShimGone as error:
                if self.connected:
                    log.error("%s", error)
            if self.connected:
                self.connected = False
                self._lose(set(), set())
            await asyncio.sleep(_RETRY)

    async def _reconcile(self, state: dict[str, Any]) -> None:
        self.shim_pid = state["pid"]
        containers = {each["id"]: each for each in state["containers"]}
        sandboxes = {each["id"] for each in state["sandboxes"]}
        self._lose(sandboxes, set(containers))
        for id, each in containers.items():
            if id in self.containers:
                self._exited(each)
            else:
                await self.shim.call("DELETE", f"/v1/containers/{id}")
        for id in sandboxes - self.sandboxes.keys():
            await self.shim.call("DELETE", f"/v1/sandboxes/{id}")

    def _lose(self, sandboxes: set[str], containers: set[str]) -> None:
        """All but these are gone with the shim that held them."""
        for sandbox in self.sandboxes.values():
            if sandbox.record.ready and sandbox.record.id not in sandboxes:
                self._unready(sandbox)
        for id, container in self.containers.items():
            if id not in containers and container.lose():
                self._publish(id, "STOPPED", container.record.sandbox)

    def _exited(self, state: dict[str, Any]) -> None:
        container = self.containers.get(state["id"])
        if container and container.adopt(state):
            self._publish(state["id"], "STOPPED", container.record.sandbox)

    def _publish(self, id: str, kind: str, sandbox_id: str) -> None:
        sandbox = self.sandboxes.get(sandbox_id)
        if sandbox:
            self.events.publish(id, kind, sandbox.status(), [each.status() for each in self.of(sandbox_id)])

    # -- looking up -------------------------------------------------------------------------------------------------------------------

    def sandbox(self, id: str) -> Sandbox:
        if id not in self.sandboxes:
            raise NotFound(f"pod sandbox {id} not found")
        return self.sandboxes[id]

    def container(self, id: str) -> Container:
        if id not in self.containers:
            raise NotFound(f"container {id} not found")
        return self.containers[id]

    def of(self, sandbox_id: str) -> Iterator[Container]:
        return (each for each in list(self.containers.values()) if each.record.sandbox == sandbox_id)

    # -- sandboxes --------------------------------------------------------------------------------------------------------------------

    async def run_sandbox(self, config: Any, runtime_handler: str) -> str:
        node_network = config.linux.security_context.namespace_options.network == pb.NODE
        record = SandboxRecord(secrets.token_hex(32), time.time_ns(), "", node_network, runtime_handler)
        if not node_network:
            record.ip = self._addresses.take()
        sandbox = Sandbox(record, config, self._sandbox_records.path(record.id))
        request = {
            "host_network": node_network,
            "ip": record.ip,
            "node_ip": self._addresses.node,
            "sysctls": dict(config.linux.sysctls),
        }
        try:
            await self.shim.call("PUT", sandbox.path, request)
        except CRIError:
            if record.ip:
                self._addresses.release(record.ip)
            raise
        self._sandbox_records.add(record, config.SerializeToString())
        sandbox.write_files()
        self.sandboxes[record.id] = sandbox
        self._publish(record.id, "CREATED", record.id)
        self._publish(record.id, "STARTED", record.id)
        return record.id

    async def stop_sandbox(self, id: str) -> None:
        sandbox = self.sandboxes.get(id)
        if sandbox is None:
            return
        await asyncio.gather(*(container.stop(self.shim, 0) for container in self.of(id)))
        if self.connected:
            await self.shim.call("DELETE", sandbox.path)
        if sandbox.record.ready:
            self._unready(sandbox)

    def _unready(self, sandbox: Sandbox) -> None:
        sandbox.record.ready = False
        if sandbox.record.ip:
            self._addresses.release(sandbox.record.ip)
        self._sandbox_records.save(sandbox.record)
        self._publish(sandbox.record.id, "STOPPED", sandbox.record.id)

    async def remove_sandbox(self, id: str) -> None:
        if id not in self.sandboxes:
            return
        await self.stop_sandbox(id)
        for container in list(self.of(id)):
            await self.remove_container(container.record.id)
        self._sandbox_records.remove(id)
        self._publish(id, "DELETED", id)
        self.sandboxes.pop(id, None)

    # -- containers -------------------------------------------------------------------------------------------------------------------

    def create_container(self, sandbox_id: str, config: Any) -> str:
        sandbox = self.sandbox(sandbox_id)
        if not sandbox.record.ready:
            raise Refused(f"pod sandbox {sandbox_id} is not ready")
        image = self.catalogue.find(config.image.image)
        self._identity(image, config)
        name = config.image.user_specified_image or config.image.image
        record = ContainerRecord(secrets.token_hex(32), sandbox_id, name, image.id, time.time_ns())
        self._container_records.add(record, config.SerializeToString())
        self._add(record, config)
        self._publish(record.id, "CREATED", sandbox_id)
        return record.id

    async def start_container(self, id: str) -> None:
        container = self.container(id)
        try:
            await container.start(self.shim, self._spec(container))
        except (Refused, ShimGone):
            raise
        except CRIError as error:
            container.fail(f"failed to start container: {error}")
            self._publish(id, "STOPPED", container.record.sandbox)
            raise
        self._publish(id, "STARTED", container.record.sandbox)

    def _spec(self, container: Container) -> dict[str, Any]:
        config, image = container.config, self.catalogue.find(container.record.image_id)
        sandbox, folder = self.sandbox(container.record.sandbox), self._container_records.path(container.record.id)
        (folder / "passwd").write_text(identity.passwd(image))
        (folder / "group").write_text(identity.group(image))
        own = [*(Bind(str(folder / name), f"/etc/{name}", readonly=True) for name in ("passwd", "group")), *sandbox.binds()]
        wish = spec.Wish(
            command=config.command,
            args=config.args,
            workdir=config.working_dir,
            env={each.key: bytes(each.value).decode(errors="replace") for each in config.envs},
            mounts=[*own, *(Bind(each.host_path, each.container_path, each.readonly) for each in config.mounts)],
            hostname=sandbox.hostname,
            readonly=config.linux.security_context.readonly_rootfs,
            tty=config.tty,
        )
        files = self.catalogue.files(image, self._texts)
        return spec.describe(image, wish, self._identity(image, config), files, self._host, self.config.bwrap)

    def _identity(self, image: Image, config: Any) -> identity.Identity:
        asked = config.linux.security_context
        uid = asked.run_as_user.value if asked.HasField("run_as_user") else None
        gid = asked.run_as_group.value if asked.HasField("run_as_group") else None
        return identity.choose(image, self.config.mapped_uids, uid, asked.run_as_username, gid, asked.supplemental_groups)

    def update_resources(self, id: str, resources: Any) -> None:
        container = self.container(id)
        container.config.linux.resources.MergeFrom(resources)
        self._container_records.add(container.record, container.config.SerializeToString())

    async def remove_container(self, id: str) -> None:
        container = self.containers.get(id)
        if container is None:
            return
        await container.stop(self.shim, 0)
        try:
            await self.shim.call("DELETE", container.path)
        except (NotFound, ShimGone):
            pass  # it was never started, or the shim has been started anew since
        self._container_records.remove(id)
        self.containers.pop(id, None)
        self._publish(id, "DELETED", container.record.sandbox)


def _stop_signal(config: Any, image: Image) -> str:
    return str(pb.Signal.Name(config.stop_signal)).removeprefix("SIGNAL_") if config.stop_signal else image.stop_signal
