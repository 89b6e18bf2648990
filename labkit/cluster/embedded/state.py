"""The state folder of one embedded cluster: what is kept from one start to the next."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.cluster import folders, kubeconfig, locks
from labkit.cluster.embedded import components, layout, programs
from labkit.errors import LabError


@dataclass
class Record:
    """version: of the folder's form. kubernetes: the version that made it. api_port, gateway_port: on 127.0.0.1."""

    version: int = layout.STATE_VERSION
    kubernetes: str = ""
    api_port: int = 0
    gateway_port: int = 0


class State:
    """The folder of the cluster `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = folders.cluster(name)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One log file a component."""
        return self.folder / "logs"

    @property
    def alive(self) -> Path:
        """The lock that the supervisor holds as long as it lives."""
        return self.folder / "alive.lock"

    @property
    def exists(self) -> bool:
        """True once the cluster has been made, whether it runs or not."""
        return (self.folder / "cluster.json").exists()

    @property
    def running(self) -> bool:
        """True while the supervisor lives."""
        return locks.is_held(self.alive)

    def record(self) -> Record:
        """What was recorded. Raises LabError when the folder is of another version, or its record is damaged."""
        path = self.folder / "cluster.json"
        if not path.exists():
            return Record()
        try:
            content = json.loads(path.read_text())
            version = content["version"]
            if version == layout.STATE_VERSION:
                return Record(**content)
            why = f"Its form is version {version}; this labkit knows version {layout.STATE_VERSION}."
        except (ValueError, TypeError, KeyError) as error:
            why = f"{path} is damaged: {error}"
        raise LabError(
            f"The state of the cluster {self.name!r} cannot be used.",
            why,
            f"Use the labkit that made it, or remove it and everything in it: labkit down --name {self.name}",
        )

    def save(self, record: Record) -> None:
        """Record the ports and write the kubeconfig that goes with them."""
        config = kubeconfig.make(
            f"https://127.0.0.1:{record.api_port}",
            f"labkit-{self.name}",
            self.folder / "pki" / "ca.crt",
            self.folder / "pki" / "admin.crt",
            self.folder / "pki" / "admin.key",
            inline=True,
        )
        folders.write_atomically(self.kubeconfig, config)
        folders.write_atomically(self.folder / "cluster.json", json.dumps(asdict(record), indent=2) + "\n")

    def prepare(self) -> None:
        """Make what is missing of the folder: sub-folders, certificates, configuration files."""
        folders.make_private(self.folder)
        for name in ("logs", "sock", "pods", "cri", "kubelet", "conf"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        if not (self.folder / "pki").exists():
            from labkit.cluster.embedded import pki  # cryptography takes long to import and is needed once in a cluster's life

            pki.create(self.folder / "pki")
        conf = self.folder / "conf"
        shutil.copytree(programs.GRAPH / "conf", conf, dirs_exist_ok=True)
        server = f"https://{layout.NODE_IP}:{layout.API_PORT}"
        for file, certificate in components.kubeconfigs().items():
            pair = layout.PKI / f"{certificate}.crt", layout.PKI / f"{certificate}.key"
            content = kubeconfig.make(server, certificate, layout.PKI / "ca.crt", *pair, inline=False)
            folders.write_atomically(conf / file, content)

    def remove(self) -> None:
        """Delete the folder with everything in it. Raises LabError when something cannot be deleted."""
        if not self.folder.exists():
            return
        doomed = self.folder.with_name(f".{self.name}.removing")
        try:
            shutil.rmtree(doomed, ignore_errors=True)
            self.folder.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise LabError(f"{self.folder} could not be removed.", str(error), f"rm -rf {doomed}") from error
