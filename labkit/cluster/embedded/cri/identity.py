"""Who a container's processes run as, and how that is brought about with the user ids this namespace maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.cluster.embedded.cri.errors import CRIError
from labkit.cluster.embedded.cri.images import Image, User

_NOBODY = User("nobody", 65534, 65534, "/")


@dataclass(frozen=True)
class Identity:
    """mapped: the kernel knows the ids here, so that processes really change to them.

    Else the uid is only shown, by a user namespace of one id: the kernel still takes the processes for the cluster's own user.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    mapped: bool

    @property
    def bwrap(self) -> list[str]:
        """Options of bwrap that show an id that is not mapped."""
        return [] if self.mapped or self.uid == 0 else ["--unshare-user", "--uid", str(self.uid), "--gid", str(self.gid)]

    @property
    def command(self) -> list[str]:
        """What goes before the container's own command. Changing identity clears the parent-death signal, so it is set again."""
        if not self.mapped or (self.uid == 0 and self.gid == 0 and not self.groups):
            return []
        groups = f"--groups={','.join(map(str, self.groups))}" if self.groups else "--clear-groups"
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", groups, "--pdeathsig=KILL", "--"]

    @property
    def exec(self) -> dict[str, object]:
        """How the shim starts a further process with the same identity."""
        if self.command:
            return {"uid": self.uid, "gid": self.gid, "groups": list(self.groups)}
        if self.bwrap:
            return {"prefix": ["/usr/bin/nsenter", "--target", "1", "--user", "--preserve-credentials", "--"]}
        return {}


def choose(image: Image, mapped_uids: int, uid: int | None, name: str, gid: int | None, groups: Sequence[int]) -> Identity:
    """uid, name and gid are what the pod asks for, if it does; groups come on top of those the image gives the user."""
    user = _named(image, name) if name and uid is None else _numbered(image, image.user.uid if uid is None else uid)
    group = user.gid if gid is None else gid
    mapped = mapped_uids > max(user.uid, group, *groups, *user.groups, 0)
    own = tuple(sorted({*user.groups, *groups})) if mapped else ()
    return Identity(user.uid, group, own, user.home, mapped)


def passwd(image: Image) -> str:
    """The image's /etc/passwd."""
    return "".join(f"{user.name}:x:{user.uid}:{user.gid}:{user.name}:{user.home}:/bin/sh\n" for user in _accounts(image))


def group(image: Image) -> str:
    """The image's /etc/group."""
    return "".join(f"{user.name}:x:{user.gid}:\n" for user in _accounts(image))


def _accounts(image: Image) -> list[User]:
    return [User(), *image.users, _NOBODY]


def _named(image: Image, name: str) -> User:
    for user in _accounts(image):
        if user.name == name:
            return user
    raise CRIError(f"unable to find user {name}: no matching entries in passwd file")


def _numbered(image: Image, uid: int) -> User:
    for user in _accounts(image):
        if user.uid == uid:
            return user
    return User(str(uid), uid, 0, "/")
