"""Image names, as Docker and the kubelet write them."""

from __future__ import annotations

from typing import NamedTuple


class Name(NamedTuple):
    """repository: with its registry, "docker.io/library/nginx". tag: empty if only a digest is given. digest: may be empty."""

    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(reference: str) -> Name:
    """The full form of an image reference: registry docker.io, folder library and tag latest are what may be left out."""
    rest, _, digest = reference.partition("@")
    head, slash, last = rest.rpartition("/")
    last, _, tag = last.partition(":")
    repository = head + slash + last
    registry, slash, path = repository.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        registry, path = "docker.io", repository
    if registry in ("docker.io", "index.docker.io"):
        registry, path = "docker.io", path if "/" in path else f"library/{path}"
    return Name(f"{registry}/{path}", tag if tag or digest else "latest", digest)


def familiar(repository: str) -> str:
    """The short form in which people write a repository: docker.io/library/nginx is nginx."""
    return repository.removeprefix("docker.io/").removeprefix("library/")
