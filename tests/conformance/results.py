"""The results of a run: what each means against what was expected, as a table, as JUnit, and as a part of docs/conformance.md."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from .suite import Outcome, Spec

DOCUMENT = Path(__file__).parents[2] / "docs" / "conformance.md"
VERDICTS = ("pass", "cannot pass", "not run", "FAIL", "UNEXPECTED PASS")


@dataclass(frozen=True)
class Result:
    """reason: why it was not run, or cannot pass; empty for what should pass."""

    spec: Spec
    outcome: Outcome | None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """One of VERDICTS. What a spec says of itself, that it does not apply here, counts as not run."""
        if self.outcome is None or self.outcome.state == "skipped":
            return "not run"
        if self.outcome.state == "passed":
            return "UNEXPECTED PASS" if self.reason else "pass"
        return "cannot pass" if self.reason else "FAIL"

    @property
    def why(self) -> str:
        """The reason, ours or the spec's own."""
        if self.outcome is not None and self.outcome.state == "skipped":
            return f"The spec itself finds that it does not apply: {self.outcome.message.strip().splitlines()[0]}"
        return self.reason


@dataclass
class Results:
    """mode: all-uids or single-uid. all: one a conformance spec."""

    mode: str
    kubernetes: str
    all: list[Result] = field(default_factory=list)

    def of(self, verdict: str) -> list[Result]:
        """Those with one verdict, by name."""
        return sorted((each for each in self.all if each.verdict == verdict), key=lambda each: each.spec.name)

    @property
    def summary(self) -> str:
        """One line of figures."""
        ran = sum(each.outcome is not None for each in self.all)
        return f"{len(self.all)} specs, {ran} run: " + ", ".join(f"{len(self.of(each))} {each}" for each in VERDICTS)

    def table(self) -> list[list[str]]:
        """A heading, and a row a group with the number of each verdict."""
        groups: dict[str, Counter[str]] = defaultdict(Counter)
        for each in self.all:
            groups[each.spec.group][each.verdict] += 1
        shown = [verdict for verdict in VERDICTS if verdict == "pass" or self.of(verdict)]
        rows = [[group, *(str(counts[verdict] or "") for verdict in shown)] for group, counts in sorted(groups.items())]
        return [["group", *shown], *rows, ["all", *(str(len(self.of(verdict))) for verdict in shown)]]

    def write_junit(self, path: Path) -> None:
        """All of it as one JUnit file."""
        suite = ET.Element("testsuite", name="Kubernetes conformance", tests=str(len(self.all)))
        for each in self.all:
            seconds = each.outcome.seconds if each.outcome else 0.0
            case = ET.SubElement(suite, "testcase", classname=each.spec.group, name=each.spec.name, time=f"{seconds:.1f}")
            if each.verdict in ("not run", "cannot pass"):
                ET.SubElement(case, "skipped", message=each.why)
            elif each.verdict != "pass":
                ET.SubElement(case, "failure", message=each.outcome.message if each.outcome else "", type=each.verdict)
        path.parent.mkdir(parents=True, exist_ok=True)
        ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)

    def write_document(self, path: Path = DOCUMENT) -> None:
        """Replace this mode's generated part of the document."""
        begin, end = f"<!-- {self.mode}: generated -->", f"<!-- {self.mode}: end -->"
        before, marked, rest = path.read_text().partition(begin)
        _, closed, after = rest.partition(end)
        if not (marked and closed):
            raise ValueError(f"{path} has no part between {begin} and {end}")
        path.write_text(f"{before}{begin}\n\n{self._markdown()}\n{end}{after}")

    def _markdown(self) -> str:
        heading, *rows = self.table()
        lines = [f"Kubernetes {self.kubernetes}: {self.summary}.", ""]
        lines += [f"| {' | '.join(heading)} |", f"|---|{'---:|' * (len(heading) - 1)}"]
        lines += [f"| {' | '.join(_escape(cell) for cell in row)} |" for row in rows]
        for verdict, title in (("FAIL", "Fail, and should not"), ("cannot pass", "Run, and cannot pass"), ("not run", "Not run")):
            by_reason: dict[str, list[str]] = defaultdict(list)
            for each in self.of(verdict):
                by_reason[each.why].append(each.spec.short)
            if by_reason:
                lines += ["", f"### {title}"]
            for reason, names in sorted(by_reason.items(), key=lambda item: -len(item[1])):
                lines += ["", *([f"{reason} ({len(names)})", ""] if reason else []), *(f"- {_escape(name)}" for name in names)]
        return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")
