"""Volumes and environment: ConfigMap, Secret, emptyDir, projected, downward API, subPath, and which of them follow changes."""

from __future__ import annotations

import json

from kubectl import Kubectl, config_map, container, pod, secret

SLEEP = ["sleep", "infinity"]


def mount(name: str, path: str, **fields: object) -> dict[str, object]:
    return {"name": name, "mountPath": path, **fields}


def test_config_map_and_secret_as_environment(kubectl: Kubectl) -> None:
    source = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}, "prefix": "KEY_"}]
    one = {"name": "SINGLE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}}
    derived = {"name": "DERIVED", "value": "$(SINGLE)-ish $$(SINGLE)"}
    kubectl.apply(
        config_map("settings", color="blue"),
        secret("keys", token="s3cret"),
        pod("reader", container(command=SLEEP, envFrom=source, env=[one, derived])),
    )
    kubectl.wait("pod/reader", "Ready")
    shown = kubectl.sh("reader", 'echo "$color $KEY_token $SINGLE $DERIVED"')
    assert shown == "blue s3cret blue blue-ish $(SINGLE)"


def test_config_map_and_secret_as_files_with_modes_and_names(kubectl: Kubectl) -> None:
    volumes = [
        {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "color", "path": "deep/colour"}]}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
        {"name": "absent", "configMap": {"name": "nobody", "optional": True}},
    ]
    mounts = [mount("settings", "/settings"), mount("keys", "/keys", readOnly=True), mount("absent", "/absent")]
    kubectl.apply(
        config_map("settings", color="blue", shape="round"),
        secret("keys", token="s3cret"),
        pod("reader", container(command=SLEEP, volumeMounts=mounts), volumes=volumes),
    )
    kubectl.wait("pod/reader", "Ready")
    assert kubectl.sh("reader", "cat /settings/deep/colour; ls /settings /absent") == "blue/absent:\n\n/settings:\ndeep"
    assert kubectl.sh("reader", "cat /keys/token; stat -Lc ' %a' /keys/token") == "s3cret 400"
    assert "Read-only file system" in kubectl.fails("exec", "reader", "--", "touch", "/keys/mine")


def test_mounted_config_map_follows_a_change_and_a_subpath_does_not(kubectl: Kubectl) -> None:
    mounts = [mount("settings", "/settings"), mount("settings", "/etc/app/color", subPath="color")]
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    kubectl.apply(
        config_map("settings", color="blue"),
        pod("reader", container(command=SLEEP, volumeMounts=mounts), volumes=volumes),
    )
    kubectl.wait("pod/reader", "Ready")
    kubectl.apply(config_map("settings", color="green"))
    kubectl("annotate", "pod/reader", "nudge=now")  # the kubelet looks at a pod that changes at once, at others now and then
    kubectl.eventually("the file to change", lambda: kubectl.sh("reader", "cat /settings/color") == "green")
    assert kubectl.sh("reader", "cat /etc/app/color") == "blue"


def test_empty_dir_is_shared_by_the_containers_of_a_pod(kubectl: Kubectl) -> None:
    writer = container("writer", sh="echo line >> /shared/log; exec sleep infinity", volumeMounts=[mount("shared", "/shared")])
    reader = container("reader", command=SLEEP, volumeMounts=[mount("shared", "/data", subPath="."), mount("fast", "/fast")])
    volumes = [{"name": "shared", "emptyDir": {}}, {"name": "fast", "emptyDir": {"medium": "Memory"}}]
    kubectl.apply(pod("pair", writer, reader, volumes=volumes))
    kubectl.wait("pod/pair", "Ready")
    assert kubectl("exec", "pair", "-c", "reader", "--", "cat", "/data/log") == "line\n"
    assert "tmpfs" in kubectl("exec", "pair", "-c", "reader", "--", "stat", "-fc", "%T", "/fast")


def test_downward_api_as_environment_and_files(kubectl: Kubectl) -> None:
    fields = {"NAME": "metadata.name", "IP": "status.podIP", "NODE": "spec.nodeName", "ACCOUNT": "spec.serviceAccountName"}
    env: list[dict[str, object]] = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()
    ]
    env.append({"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}})
    files = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "requests.cpu", "divisor": "1m"}},
    ]
    resources = {"requests": {"cpu": "50m"}, "limits": {"memory": "64Mi"}}
    kubectl.apply(
        pod(
            "self",
            container(command=SLEEP, env=env, resources=resources, volumeMounts=[mount("info", "/info")]),
            volumes=[{"name": "info", "downwardAPI": {"items": files}}],
        )
    )
    kubectl.wait("pod/self", "Ready")
    address = kubectl.get("pod", "self")["status"]["podIP"]
    assert kubectl.sh("self", "echo $NAME $IP $NODE $ACCOUNT $LIMIT") == f"self {address} lab-node default 64"
    assert kubectl.sh("self", "cat /info/labels /info/cpu") == 'app="self"50'
    kubectl("label", "pod", "self", "tier=front")
    kubectl.eventually("the file to change", lambda: 'tier="front"' in kubectl.sh("self", "cat /info/labels"))


def test_a_projected_volume_brings_all_together_with_a_token_of_its_own_audience(kubectl: Kubectl) -> None:
    sources = [
        {"configMap": {"name": "settings"}},
        {"secret": {"name": "keys", "items": [{"key": "token", "path": "secret/token"}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"serviceAccountToken": {"path": "jwt", "audience": "vault", "expirationSeconds": 600}},
    ]
    kubectl.apply(
        config_map("settings", color="blue"),
        secret("keys", token="s3cret"),
        pod(
            "reader",
            container(command=SLEEP, volumeMounts=[mount("all", "/all")]),
            volumes=[{"name": "all", "projected": {"sources": sources}}],
        ),
    )
    kubectl.wait("pod/reader", "Ready")
    assert kubectl.sh("reader", "cat /all/color; echo; cat /all/secret/token; echo; cat /all/name") == "blue\ns3cret\nreader"
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": kubectl.sh("reader", "cat /all/jwt"), "audiences": ["vault"]},
    }
    status = json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))["status"]
    assert status["user"]["username"] == f"system:serviceaccount:{kubectl.namespace}:default"


def test_a_pod_whose_config_map_is_missing_waits_for_it(kubectl: Kubectl) -> None:
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    kubectl.apply(pod("eager", container(command=SLEEP, volumeMounts=[mount("settings", "/settings")]), volumes=volumes))
    kubectl.eventually("the kubelet to complain", lambda: 'configmap "settings" not found' in kubectl("describe", "pod", "eager"))
    kubectl.apply(config_map("settings", color="blue"))
    kubectl.wait("pod/eager", "Ready")
