"""What a provider hands to everything above it: how to reach one running cluster."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import LabError


@dataclass(frozen=True)
class Access:
    """How to reach one running cluster.

    name: the lab's name for it. kubeconfig: a file of the lab's own whose current context is `context`.
    api_url and gateway_url: where the API server and the gateway answer on this machine, as http(s)://host:port.
    kubectl: the plain kubectl program.
    """

    name: str
    kubeconfig: Path
    context: str
    api_url: str
    gateway_url: str
    kubectl: Path

    def environment(self) -> dict[str, str]:
        """The environment in which kubectl and its plugins talk to this cluster.

        Set as variables, because a plugin refuses flags in front of its name. The discovery cache lives beside the kubeconfig,
        so that it goes away with the cluster: one kept under the home folder would describe a deleted cluster on a reused port.
        """
        folder = self.kubeconfig.parent
        return os.environ | {
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(folder / "cache"),
            "PATH": f"{self.kubectl.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    def run_kubectl(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl to its end and return its exit code and captured output.

        Raises LabError when the program itself is missing.
        """
        with self.start_kubectl(*args, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE) as process:
            try:
                output, errors = process.communicate(None if stdin is None else stdin.encode())
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(args, process.returncode, output.decode(), errors.decode())

    def start_kubectl(self, *args: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start kubectl with its output in pipes, in a process group of its own: an interrupt of the terminal does not reach it.

        Raises LabError when the program itself is missing.
        """
        try:
            return subprocess.Popen(
                [self.kubectl, *args],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
                process_group=0,
            )
        except FileNotFoundError as error:
            raise LabError("The kubectl program is missing.", f"{self.kubectl} does not exist.", "labkit doctor") from error


Meanwhile = Callable[[Access], None]
"""What `up` does once the API answers, while the node may still be starting."""


def nothing(_: Access) -> None:
    """A Meanwhile that does nothing."""
