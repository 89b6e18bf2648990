"""The CRI's ImageService over the catalogue. Nothing is fetched: an image is there as soon as its programs are built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.errors import NotFoundError
from labkit.cluster.embedded.cri.images import Image
from labkit.cluster.embedded.cri.pods import Pods
from labkit.cluster.embedded.cri.stats import Stats


class ImageService:
    """Images are pinned: the kubelet need not collect what takes no room."""

    def __init__(self, pods: Pods) -> None:
        self._catalogue = pods.catalogue
        self._stats = Stats(pods)

    async def image_status(self, request: Any) -> Any:
        """Empty for an image that is not there: the kubelet then asks for it to be pulled, and shows what that says."""
        try:
            image = self._catalogue.find(request.image.image)
        except NotFoundError:
            return pb.ImageStatusResponse()
        return pb.ImageStatusResponse(image=_message(image))

    async def pull_image(self, request: Any) -> Any:
        """Fetches nothing; fails with what there is instead."""
        return pb.PullImageResponse(image_ref=self._catalogue.find(request.image.image).id)

    async def list_images(self, request: Any) -> Any:
        """All that are present, or the one asked for."""
        return pb.ListImagesResponse(images=self._list(request.filter.image.image))

    async def stream_images(self, request: Any) -> AsyncIterator[Any]:
        """The same list as a stream."""
        if images := self._list(request.filter.image.image):
            yield pb.StreamImagesResponse(images=images)

    async def remove_image(self, _: Any) -> Any:
        """Nothing to remove: an image is only a description."""
        return pb.RemoveImageResponse()

    async def image_fs_info(self, _: Any) -> Any:
        """The disk that everything a container writes goes to."""
        usage = self._stats.filesystem()
        return pb.ImageFsInfoResponse(image_filesystems=[usage], container_filesystems=[usage])

    def _list(self, reference: str) -> list[Any]:
        if not reference:
            return [_message(image) for image in self._catalogue.present()]
        try:
            return [_message(self._catalogue.find(reference))]
        except NotFoundError:
            return []


def _message(image: Image) -> Any:
    return pb.Image(
        id=image.id,
        repo_tags=image.repo_tags,
        repo_digests=image.repo_digests,
        size=1,
        uid=pb.Int64Value(value=image.user.uid),
        spec=pb.ImageSpec(image=image.id),
        pinned=True,
    )
