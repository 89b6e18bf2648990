"""A small part of the conformance specs (subset.txt), quick and of every area, so that a regression is found at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .suite import Outcome, Suite

SPECS = Path(__file__).with_name("subset.txt").read_text().splitlines()


@pytest.fixture(scope="session")
def outcomes(suite: Suite) -> dict[str, Outcome]:
    """All are run side by side, by the first test that asks."""
    names = {spec.short: spec.name for spec in suite.specs()}
    missing = [short for short in SPECS if short not in names]
    assert not missing, f"this version of Kubernetes has no such specs: {missing}"
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(SPECS, pool.map(lambda short: suite.run(names[short]), SPECS), strict=True))


@pytest.mark.parametrize("spec", SPECS)
def test_conformance(outcomes: dict[str, Outcome], spec: str) -> None:
    outcome = outcomes[spec]
    assert outcome.state == "passed", f"{outcome.message}\n\n{outcome.output}"
