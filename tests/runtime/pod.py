"""A pod as the kubelet would ask for it, in few words."""

from __future__ import annotations

import itertools
from typing import Any

import grpc
from node import Node

NUMBERS = itertools.count(1)


class Pod:
    """One sandbox; containers are added to it with run(). Fields are those of the CRI's messages."""

    def __init__(self, node: Node, **config: object) -> None:
        import api_pb2 as pb

        self.pb = pb
        self.node = node
        self.name = f"pod-{next(NUMBERS)}"
        metadata = pb.PodSandboxMetadata(name=self.name, uid=f"uid-{self.name}", namespace="default")
        logs = str(node.folder / "pods" / self.name)
        self.config = pb.PodSandboxConfig(**{"metadata": metadata, "hostname": self.name, "log_directory": logs, **config})
        self.id = node.call("RunPodSandbox", config=self.config).pod_sandbox_id

    @property
    def ip(self) -> str:
        return str(self.status.network.ip)

    @property
    def status(self) -> Any:
        return self.node.call("PodSandboxStatus", pod_sandbox_id=self.id).status

    def create(self, *command: str, image: str = "busybox", name: str = "main", **config: object) -> Container:
        pb = self.pb
        config = {
            "metadata": pb.ContainerMetadata(name=name),
            "image": pb.ImageSpec(image=image),
            "log_path": f"{name}.log",
            **config,
        }
        request = pb.ContainerConfig(command=command, **config)
        answer = self.node.call("CreateContainer", pod_sandbox_id=self.id, config=request, sandbox_config=self.config)
        return Container(self, answer.container_id, name)

    def run(self, *command: str, **config: object) -> Container:
        container = self.create(*command, **config)
        container.start()
        return container

    def sh(self, script: str, **config: object) -> Container:
        return self.run("sh", "-c", script, **config)

    def env(self, **values: str) -> list[Any]:
        return [self.pb.KeyValue(key=name, value=value.encode()) for name, value in values.items()]

    def mount(self, source: object, target: str, readonly: bool = False) -> Any:
        return self.pb.Mount(host_path=str(source), container_path=target, readonly=readonly)

    def context(self, **fields: object) -> Any:
        return self.pb.LinuxContainerConfig(security_context=self.pb.LinuxContainerSecurityContext(**fields))

    def stop(self) -> None:
        self.node.call("StopPodSandbox", pod_sandbox_id=self.id)

    def remove(self) -> None:
        self.node.call("RemovePodSandbox", pod_sandbox_id=self.id)


class Container:
    def __init__(self, pod: Pod, id: str, name: str) -> None:
        self.pod = pod
        self.id = id
        self.log_path = pod.node.folder / "pods" / pod.name / f"{name}.log"

    @property
    def status(self) -> Any:
        return self.pod.node.call("ContainerStatus", container_id=self.id).status

    @property
    def state(self) -> str:
        return str(self.pod.pb.ContainerState.Name(self.status.state)).removeprefix("CONTAINER_")

    @property
    def stats(self) -> Any:
        return self.pod.node.call("ContainerStats", container_id=self.id).stats

    def start(self) -> None:
        self.pod.node.call("StartContainer", container_id=self.id)

    def stop(self, timeout: int = 30) -> None:
        self.pod.node.call("StopContainer", container_id=self.id, timeout=timeout)

    def remove(self) -> None:
        self.pod.node.call("RemoveContainer", container_id=self.id)

    def exec(self, *command: str, timeout: int = 0) -> Any:
        return self.pod.node.call("ExecSync", container_id=self.id, cmd=command, timeout=timeout)

    def output(self, script: str) -> str:
        answer = self.exec("sh", "-c", script)
        assert answer.exit_code == 0, answer
        return str(answer.stdout.decode().strip())

    def commands(self) -> list[str]:
        """Command lines of the processes it can see, apart from the shell that looks."""
        return [
            line.strip() for line in self.output("for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done").splitlines()
        ]

    def wait(self) -> Any:
        """Its status once it has exited."""
        self.pod.node.eventually("the container to exit", lambda: self.state == "EXITED")
        return self.status

    def logs(self) -> list[tuple[str, str, str]]:
        """(stream, tag, text) of each line, once it has exited."""
        self.wait()
        return [tuple(line.split(" ", 3)[1:]) for line in self.log_path.read_text().splitlines()]  # type: ignore[misc]

    def text(self) -> str:
        return "\n".join(text for _, _, text in self.logs())


class Failed:
    """Expects a gRPC error: with Failed("NOT_FOUND") as failed: ...; failed.message."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.message = ""

    def __enter__(self) -> Failed:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        assert isinstance(error, grpc.RpcError), f"expected {self.code}, got {error!r}"
        assert error.code() is grpc.StatusCode[self.code], error  # type: ignore[attr-defined]
        self.message = error.details()  # type: ignore[attr-defined]
        return True
