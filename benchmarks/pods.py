"""Pods: from the request to the moment they serve."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.figure import Figure
from benchmarks.floors import bare_process
from benchmarks.lifecycle import NAME
from labkit import Lab

RUNS = 5


def manifest(name: str, replicas: int) -> dict[str, Any]:
    """A Deployment of podinfo with a readiness probe."""
    container = {
        "name": "podinfo",
        "image": "ghcr.io/stefanprodan/podinfo:6.9.2",
        "ports": [{"containerPort": 9898}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1},
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}},
        },
    }


def available(lab: Lab, replicas: int) -> float:
    """Seconds from the API server's acceptance of a Deployment to all its replicas being available."""
    from kubernetes import client, config, watch

    connection = config.new_client_from_config(str(lab.access.kubeconfig))
    apps, core = client.AppsV1Api(connection), client.CoreV1Api(connection)
    name = f"bench-{replicas}-{time.monotonic_ns()}"
    began = time.monotonic()
    apps.create_namespaced_deployment("default", manifest(name, replicas))
    stream = watch.Watch().stream(apps.list_namespaced_deployment, "default", field_selector=f"metadata.name={name}")
    for event in stream:
        if (event["object"].status.available_replicas or 0) >= replicas:
            break
    took = time.monotonic() - began
    apps.delete_namespaced_deployment(name, "default", propagation_policy="Foreground")
    while core.list_namespaced_pod("default", label_selector=f"app={name}").items:
        time.sleep(0.1)
    return took


def measure() -> list[Figure]:
    """Every figure of this module, on the running cluster."""
    lab = Lab.up(NAME)
    floor = sorted(bare_process() for _ in range(RUNS))[RUNS // 2]
    one = [available(lab, 1) for _ in range(RUNS)]
    three = [available(lab, 3) for _ in range(RUNS)]
    fifty = [available(lab, 50) for _ in range(2)]
    return [
        Figure("first pod available", one, "s", 1.2, floor, "bare process"),
        Figure("3 replicas available", three, "s", 1.2, floor, "bare process"),
        Figure("50 pods available", fifty, "s", 12, 50 * floor, "50 bare processes"),
    ]
