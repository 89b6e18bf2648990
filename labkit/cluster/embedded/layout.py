"""Names, addresses and paths of the embedded cluster, as they are inside its namespace."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/run/labkit")
"""Where the cluster's state folder is mounted inside the namespace: short and the same for everybody."""

PKI = ROOT / "pki"
CONF = ROOT / "conf"
SOCK = ROOT / "sock"
LOGS = ROOT / "logs"

NODE_NAME = "lab-node"
NODE_IP = "10.244.0.1"
POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
API_PORT = 6443
GATEWAY_NODE_PORT = 30080

STATE_VERSION = 1
"""Of the state folder's form. A folder of another version is refused, not guessed at."""
