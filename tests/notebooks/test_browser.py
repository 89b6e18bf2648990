"""The lesson as a learner has it: JupyterLab in a browser, Run All, every cell without an error, every chart on the page.

LABKIT_SCREENSHOTS=FOLDER keeps the pictures that the test takes on its way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter import running

from labkit import LabError, cluster
from labkit.lab import Lab

playwright = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")

CLUSTER = "pytest"
LESSON = "en/week1/01_deployment.ipynb"
CHARTS = 5
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_QUIET += ["--disable-component-update", "--disable-sync"]
_RUN = 300_000  # ms for all cells

_CODE_CELLS = """() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells.filter(c => c.cell_type == "code")"""
_IDLE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status == "idle" && panel.content.widgets.length > 0;
}"""
_ALL_RUN = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.model.toJSON().cells.filter(c => c.cell_type == "code");
  const failed = cells.some(c => c.outputs.some(o => o.output_type == "error"));
  const done = cells.every(c => c.execution_count) && panel.sessionContext.session.kernel.status == "idle";
  return failed || done;
}"""
_DRAWN = """() => [...document.querySelectorAll(".jp-OutputArea-output")].filter(output => {
  const image = output.querySelector("img"), vega = output.querySelector(".vega-embed canvas, .vega-embed svg");
  return (image && image.complete && image.naturalWidth > 300) || (vega && vega.clientWidth > 300);
}).length"""


@pytest.fixture(scope="module")
def ready_cluster() -> Iterator[str]:
    try:
        cluster.current(CLUSTER)
        ran = True
    except LabError:
        ran = False
    Lab.up(CLUSTER)
    yield CLUSTER
    if not ran and os.environ.get("LABKIT_KEEP") != "1":
        cluster.down(CLUSTER)


@pytest.fixture
def page() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"there is no Chromium on the PATH (looked for {', '.join(PROGRAMS)})")
    arguments = [*_QUIET, "--no-sandbox"] if os.geteuid() == 0 else _QUIET
    with playwright.sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=program, args=arguments)
        yield browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5)
        browser.close()


def test_lesson_runs_in_a_browser(page: Any, ready_cluster: str, tmp_path: Path) -> None:
    pictures = Path(os.environ.get("LABKIT_SCREENSHOTS") or tmp_path)
    elsewhere: list[str] = []
    page.on("request", lambda request: None if _is_own(request.url) else elsewhere.append(request.url))
    with running(tmp_path, ready_cluster) as address:
        page.goto(address.format(LESSON))
        page.wait_for_function(_IDLE, timeout=60_000)
        page.screenshot(path=pictures / "opened.png")

        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(_ALL_RUN, timeout=_RUN, polling=500)

        cells = page.evaluate(_CODE_CELLS)
        errors = [(cell["id"], output) for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
        if errors:
            page.screenshot(path=pictures / "error.png")
        assert not errors
        assert page.evaluate(_DRAWN) == CHARTS
        assert not elsewhere, "the page asked for something from elsewhere; a lesson must work without a network"
        for number, chart in enumerate(
            page.locator(".jp-OutputArea-output:has(img), .jp-OutputArea-output:has(.vega-embed)").all()
        ):
            chart.scroll_into_view_if_needed()
            page.screenshot(path=pictures / f"chart{number}.png")


def _is_own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
