"""The image catalogue: what an image name means here, where an image is files built or installed on this machine."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.cluster.embedded.cri.errors import NotFoundError
from labkit.cluster.embedded.cri.names import familiar, parse

ANY = "any"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class File:
    """One file or folder of an image: a program by its name, a file of the host by its path, or a text written here.

    executable: the source has lost its mode. optional: the image does without it where it is not there.
    """

    program: str = ""
    host: str = ""
    text: str = ""
    executable: bool = False
    optional: bool = False


@dataclass(frozen=True)
class User:
    """Who an image's processes run as unless the pod says otherwise."""

    name: str = "root"
    uid: int = 0
    gid: int = 0
    home: str = "/root"
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Image:
    """id: a hash of all the rest but names and tags. users: accounts of its /etc/passwd apart from root and nobody."""

    id: str
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    files: dict[str, File] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    user: User = User()
    users: tuple[User, ...] = ()
    workdir: str = "/"
    stop_signal: str = "SIGTERM"
    needs: tuple[str, ...] = ()

    @property
    def repo_tags(self) -> list[str]:
        """Full names with tags."""
        return [f"{repository}:{tag}" for repository in self.repositories for tag in self.tags if tag != ANY]

    @property
    def repo_digests(self) -> list[str]:
        """Full names with the id as digest."""
        return [f"{repository}@{self.id}" for repository in self.repositories]


class Catalogue:
    """All images there are. programs: where each program is; an image is present when all it needs exist."""

    def __init__(self, images: list[Image], programs: dict[str, str]) -> None:
        self.images = images
        self.programs = programs
        self._by_id = {image.id: image for image in images}
        self._by_repository: dict[str, list[Image]] = {}
        for image in images:
            for repository in image.repositories:
                self._by_repository.setdefault(parse(repository).repository, []).append(image)

    @classmethod
    def load(cls, path: Path, programs: dict[str, str]) -> Catalogue:
        """Reads images.yaml. Raises ValueError for an entry that does not say what it must."""
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        raw = yaml.load(path.read_text(), loader)
        return cls([image for entry in raw["images"] for image in _read(entry)], programs)

    def find(self, reference: str) -> Image:
        """The image of a name, digest or id. Raises NotFoundError with a message that says what there is instead."""
        image = self._lookup(reference)
        if missing := self.missing(image):
            names = " ".join(missing)
            raise NotFoundError(f"image {reference} is known, but {names} has not been built yet: run `labkit build {names}`")
        return image

    def missing(self, image: Image) -> list[str]:
        """The programs an image needs that have not been built."""
        return [name for name in image.needs if not self._has(name)]

    def present(self) -> list[Image]:
        """The images that could run now."""
        return [image for image in self.images if not self.missing(image)]

    def files(self, image: Image, folder: Path) -> dict[str, str]:
        """Where on the host each of an image's files is. Texts, and copies of what has lost its mode, are kept in `folder`."""
        present = {target: file for target, file in image.files.items() if not file.optional or self._there(file)}
        return {target: self._place(file, folder) for target, file in present.items()}

    def _has(self, program: str) -> bool:
        path = self.programs.get(program)
        return path is not None and Path(path).exists()

    def _there(self, file: File) -> bool:
        return Path(file.host).exists() if file.host else self._has(file.program)

    def _place(self, file: File, folder: Path) -> str:
        source = Path(file.host or self.programs[file.program]).resolve() if file.host or file.program else None
        if source and not (file.executable and not os.access(source, os.X_OK)):
            return str(source)
        content = source.read_bytes() if source else file.text.encode()
        path = folder / hashlib.sha256(content + bytes([file.executable])).hexdigest()[:16]
        if not path.exists():
            aside = path.with_suffix(".new")
            aside.write_bytes(content)
            aside.chmod(0o755 if file.executable else 0o644)
            aside.rename(path)
        return str(path)

    def _lookup(self, reference: str) -> Image:
        for key in (reference, f"sha256:{reference}"):
            if key in self._by_id:
                return self._by_id[key]
        name = parse(reference)
        candidates = self._by_repository.get(name.repository, [])
        if not candidates:
            known = ", ".join(sorted(familiar(repository) for repository in self._by_repository))
            raise NotFoundError(f"image {reference} is not in this cluster's catalogue, which has: {known}")
        for image in candidates:
            if name.digest == image.id or (not name.digest and (name.tag in image.tags or image.tags == (ANY,))):
                return image
        tags = ", ".join(tag for image in candidates for tag in image.tags)
        raise NotFoundError(f"image {familiar(name.repository)} has no tag {name.digest or name.tag} here; it has: {tags}")


def _read(entry: dict[str, Any]) -> list[Image]:
    """One entry is one image, or one for each tag when its tags are a mapping from tag to what differs."""
    entry = dict(entry)
    names, tags = entry.pop("names", []), entry.pop("tags", ANY)
    if not names:
        raise ValueError(f"an image of the catalogue has no names: {entry}")
    if isinstance(tags, dict):
        return [
            _image(names, [tag], {**entry, **own, "env": {**entry.get("env", {}), **own.get("env", {})}})
            for tag, own in tags.items()
        ]
    return [_image(names, [tags] if tags == ANY else tags, entry)]


def _image(names: list[str], tags: list[Any], entry: dict[str, Any]) -> Image:
    files = {path: File(program=file) if isinstance(file, str) else File(**file) for path, file in entry.get("files", {}).items()}
    users = tuple(_user(raw) for raw in entry.get("users", []))
    user = _user(entry["user"]) if "user" in entry else User()
    definition = json.dumps([names, entry], sort_keys=True)
    return Image(
        id="sha256:" + hashlib.sha256(definition.encode()).hexdigest(),
        repositories=tuple(parse(name).repository for name in names),
        tags=tuple(str(tag) for tag in tags),
        files=files,
        folders=tuple(entry.get("folders", [])),
        entrypoint=tuple(entry.get("entrypoint", [])),
        cmd=tuple(entry.get("cmd", [])),
        env={"PATH": DEFAULT_PATH, **{name: str(value) for name, value in entry.get("env", {}).items()}},
        user=user,
        users=users if user.uid == 0 or user in users else (user, *users),
        workdir=entry.get("workdir", "/"),
        stop_signal=entry.get("stop_signal", "SIGTERM"),
        needs=tuple(
            dict.fromkeys(
                [*entry.get("needs", []), *(file.program for file in files.values() if file.program and not file.optional)]
            )
        ),
    )


def _user(raw: dict[str, Any]) -> User:
    return User(**{**raw, "gid": raw.get("gid", raw["uid"]), "groups": tuple(raw.get("groups", ()))})
