"""Routes and counted traffic through the gateway of a real cluster."""

from __future__ import annotations

import pytest

from labkit.errors import LabError
from labkit.lab import Lab

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: labkit/demo:blue
        ports: [{name: http, containerPort: 9898}]
        readinessProbe:
          httpGet: {path: /readyz, port: http}
          periodSeconds: 1
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


def test_a_rolling_update_under_traffic_fails_no_request(lab: Lab, namespace: str) -> None:
    lab.apply(APP, namespace)
    app = lab.deployment("web", namespace)
    app.wait()
    host = f"{namespace}.lab"
    assert repr(lab.route(host, "web", namespace=namespace)) == f"{host} -> service web:80"
    with lab.traffic(host, rps=50) as traffic:
        pods = set(app.pods()["name"])
        app.set_image("labkit/demo:green").wait()
        pods |= set(app.pods()["name"])
    summary = traffic.summary()
    assert summary.failed == 0, traffic.frame().query("status != 200").to_string()
    assert set(summary.by_version) == {"blue", "green"}
    assert set(traffic.frame()["pod"]) <= pods


def test_a_host_without_a_route_is_not_found(lab: Lab) -> None:
    with lab.traffic("nobody.lab", rps=50) as traffic:
        pass
    assert set(traffic.frame()["status"]) == {404}
    assert traffic.summary().failed == traffic.summary().requests > 0


def test_a_service_without_a_ready_pod_is_unavailable(lab: Lab, namespace: str) -> None:
    lab.apply(APP.replace("replicas: 2", "replicas: 0"), namespace)
    host = f"{namespace}.lab"
    lab.route(host, "web", namespace=namespace)
    with lab.traffic(host, rps=50) as traffic:
        pass
    assert set(traffic.frame()["status"]) == {503}


def test_a_route_needs_its_service_and_its_port(lab: Lab, namespace: str) -> None:
    with pytest.raises(LabError, match='There is no service "web"'):
        lab.route("demo.lab", "web", namespace=namespace)
    lab.apply(APP, namespace)
    with pytest.raises(LabError, match="has no port 8080") as caught:
        lab.route("demo.lab", "web", 8080, namespace)
    assert caught.value.why == "Its ports: 80"
    with pytest.raises(LabError, match="cannot be the host of a route"):
        lab.route("Demo lab", "web", namespace=namespace)
