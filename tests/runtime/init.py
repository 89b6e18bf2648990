"""First process of a namespace: makes the node's network, then starts and kills what the tests ask for.

Reads a JSON object a line from stdin, {"start": [argv], "log": path} or {"kill": number}. Answers with a process's number here,
or with the exit code of the one it has killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from pyroute2 import IPRoute

NODE = "10.244.0.1"


def main() -> None:
    with IPRoute() as route:
        loopback = route.link_lookup(ifname="lo")[0]
        route.link("set", index=loopback, state="up")
        route.addr("add", index=loopback, address=NODE, prefixlen=32)
    children: dict[int, subprocess.Popen[bytes]] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if argv := order.get("start"):
            with Path(order["log"]).open("ab") as log:
                child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ)
            children[child.pid] = child
            print(child.pid, flush=True)
        else:
            child = children.pop(order["kill"])
            child.send_signal(signal.SIGKILL)
            print(child.wait(), flush=True)


main()
