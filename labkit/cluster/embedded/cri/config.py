"""What the runtime is told when it starts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Config:
    """The keys of the configuration file.

    socket: where the kubelet connects. shim_socket: where the shim listens. state: folder of the records. catalogue: images.yaml.
    programs: absolute path of each program the catalogue names (for some, a folder). stubs: folder of the generated API.
    bwrap: path of bubblewrap. pod_cidr: the pods' network, whose first address is the node's.
    mapped_uids: how many user ids this user namespace maps; 1 for only our own.
    """

    socket: Path
    shim_socket: Path
    state: Path
    catalogue: Path
    programs: dict[str, str]
    stubs: Path
    bwrap: str
    pod_cidr: str = "10.244.0.0/16"
    mapped_uids: int = 1

    @classmethod
    def load(cls, path: Path) -> Config:
        """From a JSON file. Raises OSError, ValueError or TypeError for one that is not right."""
        raw = json.loads(path.read_text())
        for name in ("socket", "shim_socket", "state", "catalogue", "stubs"):
            raw[name] = Path(raw[name])
        return cls(**raw)
