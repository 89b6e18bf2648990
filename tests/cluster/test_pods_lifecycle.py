"""How containers begin and end: init containers, sidecars, hooks, exit codes, reasons, messages, the grace period."""

from __future__ import annotations

import pytest
from kubectl import Kubectl, container, pod

SHARED = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
VOLUMES = {"volumes": [{"name": "shared", "emptyDir": {}}]}


def test_init_containers_run_one_after_the_other_before_the_others(kubectl: Kubectl) -> None:
    first = container("first", sh="echo first >> /shared/order", **SHARED)
    second = container("second", sh="echo second >> /shared/order", **SHARED)
    main = container(sh="cat /shared/order; exec sleep infinity", **SHARED)
    kubectl.apply(pod("ordered", main, initContainers=[first, second], **VOLUMES))
    kubectl.wait("pod/ordered", "Ready")
    # a container without a probe is ready once it runs, which may be before it has printed
    kubectl.eventually("the log", lambda: kubectl("logs", "ordered", "-c", "main") == "first\nsecond\n")


def test_a_sidecar_starts_first_and_ends_last(kubectl: Kubectl) -> None:
    serve = "echo up > /shared/up; trap 'echo down; exit 0' TERM; while :; do sleep 0.05; done"
    probe = {"exec": {"command": ["test", "-e", "/shared/up"]}, "periodSeconds": 1}
    sidecar = container("sidecar", sh=serve, restartPolicy="Always", startupProbe=probe, **SHARED)
    kubectl.apply(
        pod(
            "job",
            container(sh="cat /shared/up", **SHARED),
            initContainers=[sidecar],
            restartPolicy="Never",
            terminationGracePeriodSeconds=30,
            **VOLUMES,
        )
    )
    kubectl.until("pod/job", ".status.phase", "Succeeded")
    assert kubectl("logs", "job", "-c", "main") == "up\n"
    assert kubectl("logs", "job", "-c", "sidecar") == "down\n"


def test_hooks_run_after_the_start_and_before_the_stop(kubectl: Kubectl) -> None:
    hooks = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo begun > /shared/begun"]}},
        "preStop": {"exec": {"command": ["sh", "-c", "echo before the end > /proc/1/fd/1"]}},
    }
    script = "trap 'echo at the end; exit 0' TERM; while :; do sleep 0.05; done"
    kubectl.apply(pod("hooked", container(sh=script, lifecycle=hooks, **SHARED), terminationGracePeriodSeconds=30, **VOLUMES))
    kubectl.wait("pod/hooked", "Ready")
    assert kubectl.sh("hooked", "cat /shared/begun") == "begun"
    with kubectl.background("logs", "-f", "hooked") as log:
        kubectl("delete", "pod", "hooked", "--wait=false")
        log.read("before the end")
        log.read("at the end")


def test_a_failing_post_start_hook_ends_the_container(kubectl: Kubectl) -> None:
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "echo no luck; exit 1"]}}}
    kubectl.apply(pod("hooked", container(command=["sleep", "infinity"], lifecycle=hook)))
    kubectl.eventually("the kubelet to complain", lambda: "FailedPostStartHook" in kubectl("describe", "pod", "hooked"))
    kubectl.until("pod/hooked", ".status.containerStatuses[0].state.waiting.reason", "PostStartHookError")


@pytest.mark.parametrize(
    ("script", "code", "reason", "phase"),
    [
        ("exit 0", 0, "Completed", "Succeeded"),
        ("exit 42", 42, "Error", "Failed"),
        ("kill -KILL $$$$", 137, "Error", "Failed"),
        ("kill -TERM $$$$", 143, "Error", "Failed"),
    ],
)
def test_exit_codes_and_reasons(kubectl: Kubectl, script: str, code: int, reason: str, phase: str) -> None:
    # a first process is immune to signals that it does not handle, so a child of it gets them
    kubectl.apply(pod("short", container(sh=f"(sh -c '{script}'); exit $?"), restartPolicy="Never"))
    kubectl.until("pod/short", ".status.phase", phase)
    ended = kubectl.container("short")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (code, reason)


def test_termination_message_from_its_file_or_else_from_the_log(kubectl: Kubectl) -> None:
    told = container("told", sh="echo the disk is full > /dev/termination-log; exit 1")
    logged = container("logged", sh="printf 'last words'; exit 1", terminationMessagePolicy="FallbackToLogsOnError")
    fine = container("fine", sh="echo chatter", terminationMessagePolicy="FallbackToLogsOnError")
    kubectl.apply(pod("ends", told, logged, fine, restartPolicy="Never"))
    kubectl.until("pod/ends", ".status.phase", "Failed")
    expected = {"told": "the disk is full\n", "logged": "last words", "fine": None}
    assert {name: kubectl.container("ends", name)["state"]["terminated"].get("message") for name in expected} == expected


def test_a_container_that_handles_sigterm_ends_by_itself(kubectl: Kubectl) -> None:
    polite = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"
    assert stopped(kubectl, polite, grace=60) == 7


def test_a_first_process_that_ignores_sigterm_is_killed_after_the_grace_period(kubectl: Kubectl) -> None:
    assert stopped(kubectl, "trap '' TERM; echo up; while :; do sleep 0.05; done", grace=1) == 137


def stopped(kubectl: Kubectl, script: str, grace: int) -> int:
    """The exit code of a container whose pod is deleted. A finalizer keeps the pod, so that it can be read."""
    manifest = pod("stopped", container(sh=script), terminationGracePeriodSeconds=grace)
    manifest["metadata"] |= {"finalizers": ["test.labkit/hold"]}
    kubectl.apply(manifest)
    try:
        kubectl.wait("pod/stopped", "Ready")
        kubectl.eventually("the script to have set its trap", lambda: kubectl("logs", "stopped") == "up\n")
        kubectl("delete", "pod", "stopped", "--wait=false")
        kubectl.until("pod/stopped", ".status.containerStatuses[0].ready", "false")
        kubectl.eventually("the container to have ended", lambda: "terminated" in kubectl.container("stopped")["state"])
        code: int = kubectl.container("stopped")["state"]["terminated"]["exitCode"]
        return code
    finally:
        kubectl("patch", "pod", "stopped", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


def test_what_a_container_has_started_ends_with_it(kubectl: Kubectl) -> None:
    script = "sleep 987654321 & echo up; exit 3"
    kubectl.apply(pod("parent", container(sh=script), container("other", command=["sleep", "infinity"]), restartPolicy="Never"))
    kubectl.until("pod/parent", '.status.containerStatuses[?(@.name=="main")].state.terminated.exitCode', "3")
    import psutil

    assert [each for each in psutil.process_iter(["cmdline"]) if "987654321" in (each.info["cmdline"] or [])] == []
