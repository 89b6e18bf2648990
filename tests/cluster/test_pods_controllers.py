"""Jobs, CronJobs, StatefulSets and DaemonSets."""

from __future__ import annotations

from kubectl import Kubectl, Manifest, container, pod, podinfo, service, template


def batch(*containers: Manifest, **spec: object) -> Manifest:
    """The spec of a Job."""
    return {"template": template(*containers, labels={"made": "by-job"}, restartPolicy="Never"), **spec}


def job(name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def test_an_indexed_job_runs_every_index_to_its_end(kubectl: Kubectl) -> None:
    work = container(sh="echo index $JOB_COMPLETION_INDEX")
    kubectl.apply(job("count", batch(work, completions=3, parallelism=2, completionMode="Indexed")))
    kubectl.wait("job/count", "Complete")
    status = kubectl.get("job", "count")["status"]
    assert (status["succeeded"], status["completedIndexes"]) == (3, "0-2")
    lines = kubectl("logs", "-l", "job-name=count").split("\n")
    assert sorted(lines) == ["", "index 0", "index 1", "index 2"]


def test_a_job_gives_up_after_its_backoff_limit(kubectl: Kubectl) -> None:
    kubectl.apply(job("hopeless", batch(container(sh="exit 1"), backoffLimit=0)))
    kubectl.wait("job/hopeless", "Failed")
    (condition,) = (each for each in kubectl.get("job", "hopeless")["status"]["conditions"] if each["type"] == "Failed")
    assert condition["reason"] == "BackoffLimitExceeded"


def test_a_pod_failure_policy_reads_the_exit_code(kubectl: Kubectl) -> None:
    policy = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}
    kubectl.apply(job("picky", batch(container(sh="exit 42"), podFailurePolicy=policy)))
    kubectl.wait("job/picky", "Failed")
    (condition,) = (each for each in kubectl.get("job", "picky")["status"]["conditions"] if each["type"] == "Failed")
    assert condition["reason"] == "PodFailurePolicy"


def test_a_cron_job_is_a_template_of_jobs(kubectl: Kubectl) -> None:
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "0 0 31 2 *", "jobTemplate": {"spec": batch(container(sh="echo done"))}},
    }
    kubectl.apply(cron)
    kubectl("create", "job", "tonight", "--from=cronjob/nightly")
    kubectl.wait("job/tonight", "Complete")
    assert kubectl("logs", "job/tonight") == "done\n"
    kubectl("delete", "cronjob", "nightly")
    kubectl.wait("job/tonight", "delete")


def test_a_stateful_set_gives_each_pod_a_name_that_it_keeps(kubectl: Kubectl) -> None:
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db",
            "replicas": 2,
            "selector": {"matchLabels": {"app": "db"}},
            "template": template(podinfo(), labels={"app": "db"}),
        },
    }
    kubectl.apply(stateful, service("db", clusterIP="None"), pod("client"))
    kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    kubectl.wait("pod/client", "Ready")
    begun = [kubectl.get("pod", f"db-{index}")["metadata"]["creationTimestamp"] for index in (0, 1)]
    assert begun == sorted(begun)
    before = kubectl.get("pod", "db-1")
    assert kubectl.sh("db-1", "hostname -f") == f"db-1.db.{kubectl.namespace}.svc.cluster.local"
    kubectl("delete", "pod", "db-1")
    kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    after = kubectl.get("pod", "db-1")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    kubectl.eventually(
        "the name to lead to the new pod",
        lambda: kubectl.sh("client", "getent hosts db-1.db || true").split()[:1] == [after["status"]["podIP"]],
    )
    kubectl("scale", "statefulset/db", "--replicas=1")
    kubectl.wait("pod/db-1", "delete")
    assert [each["metadata"]["name"] for each in kubectl.items("pods", "-l", "app=db")] == ["db-0"]


def test_a_daemon_set_has_a_pod_on_the_node_and_rolls_out(kubectl: Kubectl) -> None:
    daemon = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "template": template(container(command=["sleep", "infinity"]), labels={"app": "agent"}),
        },
    }
    kubectl.apply(daemon)
    kubectl("rollout", "status", "daemonset/agent", "--timeout=60s")
    (first,) = kubectl.items("pods")
    assert first["spec"]["nodeName"] == "lab-node"
    kubectl("set", "env", "daemonset/agent", "MOOD=calm")
    kubectl("rollout", "status", "daemonset/agent", "--timeout=60s")
    assert kubectl.sh("daemonset/agent", "echo $MOOD") == "calm"
