from __future__ import annotations

import pytest

from labkit.cluster.embedded.cri.names import familiar, parse


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.31", "docker.io/library/nginx:1.31"),
        ("labkit/demo:blue", "docker.io/labkit/demo:blue"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("ghcr.io/stefanprodan/podinfo:6.9.2", "ghcr.io/stefanprodan/podinfo:6.9.2"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("nginx@sha256:abc", "docker.io/library/nginx@sha256:abc"),
        ("nginx:1@sha256:abc", "docker.io/library/nginx:1@sha256:abc"),
    ],
)
def test_what_may_be_left_out_is_put_in(reference: str, full: str) -> None:
    assert str(parse(reference)) == full


@pytest.mark.parametrize("name", ["nginx", "labkit/demo", "ghcr.io/a/b"])
def test_the_short_form_means_the_same(name: str) -> None:
    assert familiar(parse(name).repository) == name
