"""The progress under a notebook's cell, in a real kernel: it changes while work goes on, and ends as one stable line."""

from __future__ import annotations

from typing import Any

import nbformat
from nbclient import NotebookClient

from labkit.cluster.progress import Step, silent
from labkit.lesson import progress

_WORK = """
from labkit.cluster.progress import Step
from labkit.lesson import progress

with progress.shown(done="The cluster is up.") as report:
    for done in range(steps):
        report(Step("Building the cluster's servers", "kube-apiserver", done, 300, 90.0))
    if fails:
        raise RuntimeError("no disk space")
"""


def run(steps: int, fails: bool = False) -> list[Any]:
    cell = nbformat.v4.new_code_cell(f"steps, fails = {steps}, {fails}\n{_WORK}")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=60, allow_errors=True).execute()
    outputs: list[Any] = notebook.cells[0].outputs
    return outputs


def test_ends_as_a_stable_line() -> None:
    [output] = run(steps=50)
    assert output["data"]["text/plain"] == "The cluster is up."
    assert output["data"]["text/html"] == '<div role="status">The cluster is up.</div>'


def test_shows_nothing_when_there_was_nothing_to_do() -> None:
    assert run(steps=0) == []


def test_does_not_claim_success_when_it_failed() -> None:
    shown, error = run(steps=3, fails=True)
    assert "did not come to its end" in shown["data"]["text/plain"]
    assert error["ename"] == "RuntimeError"


def test_is_silent_outside_a_notebook() -> None:
    assert not progress.in_notebook()
    with progress.shown(done="") as report:
        assert report is silent
        report(Step("anything"))
