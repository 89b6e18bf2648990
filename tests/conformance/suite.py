"""The e2e.test program of k8s.io/kubernetes: which conformance specs it has, and running one of them.

Each spec is run by a process of its own. It costs a second more a spec, and gives every spec a time limit of its own, lets
several run side by side without ginkgo's own server, and keeps one that crashes from taking the others with it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from labkit.cluster.access import Access
from labkit.cluster.embedded import build, programs
from labkit.cluster.progress import Report, silent

TIME_LIMIT, SLOW_TIME_LIMIT = 420, 900
"""Seconds for one spec, and for one that calls itself slow."""

_GRACE = 60
_MARK = "[Conformance]"


@dataclass(frozen=True)
class Spec:
    """name: the whole text, as ginkgo prints it. group: of its outermost container, e.g. "[sig-apps] Deployment"."""

    name: str
    group: str

    @property
    def serial(self) -> bool:
        """It may not run beside others."""
        return "[Serial]" in self.name or "[Disruptive]" in self.name

    @property
    def short(self) -> str:
        """The name without the mark that all have."""
        return self.name.replace(f" {_MARK}", "")


@dataclass(frozen=True)
class Outcome:
    """state: "passed", "failed", or "skipped" by the spec itself, which finds that the cluster lacks what it needs."""

    state: str
    seconds: float
    message: str = ""
    output: str = ""


class Suite:
    """The program against one cluster."""

    def __init__(self, access: Access, report: Report = silent) -> None:
        build.build(programs.select(["cluster", "conformance"]), report)
        self.program = programs.programs()["e2e.test"].path
        self.access = access

    def specs(self) -> list[Spec]:
        """All conformance specs of this version of Kubernetes, by name."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "specs.json"
            run = self._run(["--ginkgo.dry-run", f"--ginkgo.focus={re.escape(_MARK)}", f"--ginkgo.json-report={report}"], 60)
            if run.returncode != 0:
                raise RuntimeError(f"e2e.test does not list its specs:\n{run.stdout}")
            found = json.loads(report.read_text())[0]["SpecReports"]
        chosen = [each for each in found if each["LeafNodeType"] == "It" and each["State"] != "skipped"]
        specs = [
            Spec(" ".join([*each["ContainerHierarchyTexts"], each["LeafNodeText"]]), each["ContainerHierarchyTexts"][0])
            for each in chosen
        ]
        return sorted(specs, key=lambda spec: spec.name)

    def run(self, name: str) -> Outcome:
        """Run the spec with just this name."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            junit = Path(folder) / "junit.xml"
            limit = SLOW_TIME_LIMIT if "[Slow]" in name else TIME_LIMIT
            options = [f"--ginkgo.focus={re.escape(name)}$", f"--ginkgo.junit-report={junit}", f"--ginkgo.timeout={limit}s"]
            try:
                run = self._run(options, limit + _GRACE)
                output = run.stdout
            except subprocess.TimeoutExpired as error:
                return Outcome("failed", time.monotonic() - began, "it did not end", _text(error.stdout))
            seconds = time.monotonic() - began
            if not junit.exists():
                return Outcome("failed", seconds, f"e2e.test ended with exit code {run.returncode} and no report", output)
            return _parse(junit, seconds, output)

    def _run(self, options: list[str], limit: float) -> subprocess.CompletedProcess[str]:
        command = [
            str(self.program),
            "--provider=local",
            f"--kubeconfig={self.access.kubeconfig}",
            f"--kubectl-path={self.access.kubectl}",
            "--non-blocking-taints=",
            "--disable-log-dump",
            "--ginkgo.no-color",
            "--ginkgo.silence-skips",
            *options,
        ]
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= self.access.environment() | {"HTTPS_PROXY": "", "HTTP_PROXY": ""}
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            timeout=limit,
        )


def _parse(junit: Path, seconds: float, output: str) -> Outcome:
    """The outcome of the one spec that was chosen; JUnit lists all others as skipped, without a word."""
    cases = [case for case in ET.parse(junit).iter("testcase") if case.get("name", "").startswith("[It]")]
    ran = [case for case in cases if case.get("status") != "skipped" or _skip_message(case)]
    if not ran:
        broken = [case for case in ET.parse(junit).iter("testcase") if case.find("failure") is not None]
        return Outcome("failed", seconds, _failure(broken[0]) if broken else "no spec has this name", output)
    (case,) = ran
    if case.get("status") == "skipped":
        return Outcome("skipped", seconds, _skip_message(case), output)
    if case.get("status") == "passed":
        return Outcome("passed", seconds)
    return Outcome("failed", seconds, _failure(case), output)


def _skip_message(case: ET.Element) -> str:
    """ "skipped" is all that is said of a spec that was not chosen."""
    element = case.find("skipped")
    message = element.get("message", "") if element is not None else ""
    return "" if message == "skipped" else message.removeprefix("skipped - ")


def _failure(case: ET.Element) -> str:
    for kind in ("failure", "error"):
        element = case.find(kind)
        if element is not None:
            return element.get("message", "") or (element.text or "")
    return case.get("status", "")


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
