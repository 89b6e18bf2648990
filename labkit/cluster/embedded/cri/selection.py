"""What the filters of the CRI's list calls let through, and the details of its verbose answers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from labkit.cluster.embedded.cri.container import Container
from labkit.cluster.embedded.cri.pods import Pods
from labkit.cluster.embedded.cri.records import ContainerRecord, SandboxRecord
from labkit.cluster.embedded.cri.sandbox import Sandbox


def sandboxes(pods: Pods, wanted: Any) -> list[Sandbox]:
    """Those of the filter's id and labels, whatever their state."""
    return [each for each in pods.sandboxes.values() if wanted.id in ("", each.record.id) and _labelled(each.config, wanted)]


def containers(pods: Pods, wanted: Any) -> list[Container]:
    """Those of the filter's id, sandbox and labels, whatever their state."""
    return [
        each
        for each in pods.containers.values()
        if wanted.id in ("", each.record.id)
        and wanted.pod_sandbox_id in ("", each.record.sandbox)
        and _labelled(each.config, wanted)
    ]


def state_fits(summary: Any, wanted: Any) -> bool:
    """Whether a filter that may ask for a state asks for this one's."""
    return not wanted.HasField("state") or bool(summary.state == wanted.state.state)


def info(record: SandboxRecord | ContainerRecord) -> dict[str, str]:
    """Our record, under the key where other runtimes put such things."""
    return {"info": json.dumps(asdict(record))}


def _labelled(config: Any, wanted: Any) -> bool:
    return all(config.labels.get(name) == value for name, value in wanted.label_selector.items())
