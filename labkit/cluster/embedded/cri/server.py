"""The gRPC server: every call of the API's own description that a service has a method for."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.config import Config
from labkit.cluster.embedded.cri.errors import CRIError
from labkit.cluster.embedded.cri.exec_service import ExecService
from labkit.cluster.embedded.cri.image_service import ImageService
from labkit.cluster.embedded.cri.images import Catalogue
from labkit.cluster.embedded.cri.pods import Pods
from labkit.cluster.embedded.cri.runtime_service import RuntimeService
from labkit.cluster.embedded.cri.stats_service import StatsService
from labkit.cluster.embedded.cri.takeover import follow
from labkit.cluster.embedded.cri.watchdog import guard

log = logging.getLogger(__name__)

_MESSAGE_LIMIT = 48 << 20  # bytes; an ExecSync answers up to 32 MiB


async def serve(config: Config) -> None:
    """Listens once the shim has been reached and all containers are known again. Never returns."""
    config.state.mkdir(parents=True, exist_ok=True)
    pods = Pods(config, Catalogue.load(config.catalogue, config.programs))
    ready = asyncio.Event()
    tasks = [asyncio.create_task(follow(pods, ready)), asyncio.create_task(guard(pods))]
    await asyncio.wait([asyncio.create_task(ready.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", _MESSAGE_LIMIT), ("grpc.max_send_message_length", _MESSAGE_LIMIT)]
    )
    runtime = _handlers("RuntimeService", RuntimeService(pods), ExecService(pods), StatsService(pods))
    server.add_generic_rpc_handlers((runtime, _handlers("ImageService", ImageService(pods))))
    mask = os.umask(0o077)
    server.add_insecure_port(f"unix:{config.socket}")
    await server.start()
    os.umask(mask)
    log.info("serving %s", config.socket)
    await asyncio.gather(*tasks)


def _handlers(service: str, *implementations: object) -> grpc.GenericRpcHandler:
    """Offers each call that one of the objects has a method for, named like it but in_this_style."""
    methods = {}
    for method in pb.DESCRIPTOR.services_by_name[service].methods:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
        answer = next((getattr(each, name) for each in implementations if hasattr(each, name)), None)
        if answer is None:
            continue
        decode, encode = getattr(pb, method.input_type.name).FromString, getattr(pb, method.output_type.name).SerializeToString
        if method.server_streaming:
            methods[method.name] = grpc.unary_stream_rpc_method_handler(_stream(answer), decode, encode)
        else:
            methods[method.name] = grpc.unary_unary_rpc_method_handler(_unary(method.name, answer), decode, encode)
    return grpc.method_handlers_generic_handler(f"runtime.v1.{service}", methods)


def _unary(name: str, answer: Callable[[Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def call(request: Any, context: Any) -> Any:
        try:
            return await answer(request)
        except CRIError as error:
            await context.abort(error.code, str(error))
        except Exception as error:
            log.exception("%s failed", name)
            await context.abort(grpc.StatusCode.INTERNAL, f"{name}: {error!r}")

    return call


def _stream(answer: Callable[[Any], AsyncIterator[Any]]) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def call(request: Any, _: Any) -> AsyncIterator[Any]:
        async for message in answer(request):
            yield message

    return call
