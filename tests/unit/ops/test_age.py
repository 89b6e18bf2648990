from __future__ import annotations

from datetime import timedelta

import pytest

from labkit.ops import age


# From duration_test.go of k8s.io/apimachinery.
@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1s"),
        (70, "70s"),
        (190, "3m10s"),
        (60 * 70, "70m"),
        (3600 * 47, "47h"),
        (3600 * 49, "2d1h"),
        (3600 * (8 * 24 + 2), "8d"),
        (3600 * 367 * 24, "367d"),
        (3600 * (365 * 2 * 24 + 25), "2y1d"),
        (3600 * (365 * 8 * 24 + 2), "8y"),
        (-1, "0s"),
    ],
)
def test_ages_read_as_kubectls(seconds: int, text: str) -> None:
    assert age.human(timedelta(seconds=seconds)) == text


def test_times_of_the_api_are_in_utc() -> None:
    assert age.parse("2026-01-02T03:04:05Z").utcoffset() == timedelta()
    assert age.now().utcoffset() == timedelta()
