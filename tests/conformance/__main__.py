"""Run the conformance specs of Kubernetes against an embedded cluster, and say what passes, what cannot, and why.

A spec that fails without a reason in expected.toml makes the command exit with 1, and so does one that passes in spite of one.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from labkit import cluster
from labkit.cluster import folders
from labkit.cluster.embedded import programs
from labkit.cluster.embedded.cluster import EmbeddedCluster
from labkit.cluster.progress import Step

from .expectations import ALL_UIDS, SINGLE_UID, Expectations
from .results import Result, Results
from .suite import Outcome, Spec, Suite

NAME = "conformance"


def main() -> int:
    """Build, bring the cluster up, run, report, take the cluster down."""
    options = _options()
    last = ""

    def report(step: Step) -> None:
        nonlocal last
        if step.title != last:
            last = step.title
            print(step, flush=True)

    access = cluster.up(NAME, report=report)
    status = EmbeddedCluster(NAME).status()
    mode = SINGLE_UID if status and status.mapped_uids == 1 else ALL_UIDS
    try:
        suite = Suite(access, report)
        specs = suite.specs()
        expected = Expectations.load(mode)
        for part in expected.idle([spec.name for spec in specs]):
            print(f"expected.toml: no spec's name has {part!r} in it", flush=True)
        chosen = [spec for spec in specs if re.search(options.focus, spec.name)]
        results = Results(mode, programs.kubernetes_version())
        run = [spec for spec in chosen if expected.skipped(spec.name) is None]
        results.all = [Result(spec, None, reason) for spec in chosen if (reason := expected.skipped(spec.name)) is not None]
        print(f"{len(chosen)} of {len(specs)} conformance specs chosen, {len(run)} are run ({mode})", flush=True)
        for spec, outcome in _run(suite, run, options.workers):
            result = Result(spec, outcome, expected.failing(spec.name) or "")
            results.all.append(result)
            count = f"{sum(each.outcome is not None for each in results.all)}/{len(run)}"
            print(f"{count:>8} {outcome.seconds:6.1f} s  {result.verdict:<12} {spec.short}", flush=True)
            _keep(options.out, spec, outcome)
    finally:
        if not options.keep:
            cluster.down(NAME)
    results.write_junit(options.out / "junit.xml")
    if options.document:
        results.write_document()
    _show(results, options.out)
    return 1 if results.of("FAIL") or results.of("UNEXPECTED PASS") else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--focus", default=os.environ.get("FOCUS", ""), help="only specs whose name this expression is found in")
    parser.add_argument("--workers", type=int, default=4, help="how many specs run side by side (default: 4)")
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    parser.add_argument("--out", type=Path, default=folders.cache() / NAME, help="folder of junit.xml and failed specs' output")
    parser.add_argument("--document", action="store_true", help="put the results into docs/conformance.md")
    options = parser.parse_args()
    if options.document and options.focus:
        parser.error("--document needs all specs: leave --focus out")
    return options


def _run(suite: Suite, specs: Sequence[Spec], workers: int) -> Iterator[tuple[Spec, Outcome]]:
    """Outcomes as they come: first the specs that may run side by side, then those that may not."""
    for together, count in (([spec for spec in specs if not spec.serial], workers), ([spec for spec in specs if spec.serial], 1)):
        with ThreadPoolExecutor(count) as pool:
            futures = {pool.submit(suite.run, spec.name): spec for spec in together}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _keep(out: Path, spec: Spec, outcome: Outcome) -> None:
    """Keep the output of a spec that failed."""
    path = out / (re.sub(r"[^A-Za-z0-9]+", "-", spec.short)[:150] + ".log")
    if outcome.state == "failed":
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{spec.name}\n{outcome.message}\n\n{outcome.output}")
    else:
        path.unlink(missing_ok=True)


def _show(results: Results, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    heading, *rows = results.table()
    table = Table(*heading, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for verdict in ("FAIL", "UNEXPECTED PASS"):
        for each in results.of(verdict):
            console.print(f"{verdict}: {each.spec.short}", markup=False)
            console.print(
                f"    {each.outcome.message.splitlines()[0] if each.outcome and each.outcome.message else ''}", markup=False
            )
    console.print(results.summary)
    console.print(f"JUnit and the output of what failed: {out}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
