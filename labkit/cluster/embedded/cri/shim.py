"""The client of the shim: HTTP/1.1 and JSON over its unix socket, by hand because a library for it takes long to import."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from labkit.cluster.embedded.cri.errors import CRIError, NotFoundError, ShimGoneError

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# a line of the event stream is the state of all containers, about 150 bytes each; an ExecSync answers up to 2 x 16 MiB, in base64
_LINE_LIMIT = 1 << 24


class Shim:
    """One connection is one request at a time; idle ones are kept."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)
        self._idle: list[Stream] = []

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer. Raises NotFoundError (404), CRIError (the shim refused) or ShimGoneError (it cannot be reached)."""
        payload = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: shim\r\nContent-Length: {len(payload)}\r\n\r\n".encode()
        stream = self._idle.pop() if self._idle else await self._connect()
        try:
            status, text = await self._exchange(stream, head + payload)
        except (OSError, asyncio.IncompleteReadError) as error:
            stream[1].close()
            self.hang_up()
            raise ShimGoneError(f"the shim ended during {method} {path}") from error
        except asyncio.CancelledError:
            stream[1].close()
            raise
        self._idle.append(stream)
        answer = json.loads(text)
        if status == 404:
            raise NotFoundError(answer["error"])
        if status != 200:
            raise CRIError(answer["error"])
        return answer

    async def events(self) -> AsyncIterator[Any]:
        """The shim's whole state, then the state of each container that ends. Ends with the shim.

        Raises ShimGoneError if it is not there.
        """
        reader, writer = await self._connect()
        try:
            writer.write(b"GET /v1/events HTTP/1.1\r\nHost: shim\r\n\r\n")
            await _read_head(reader)
            while size := int(await reader.readline() or b"0", 16):
                chunk = await reader.readexactly(size + 2)
                for line in chunk.splitlines():
                    if line:
                        yield json.loads(line)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def hang_up(self) -> None:
        """Give up the idle connections, which lead to a shim that is no more."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def _connect(self) -> Stream:
        try:
            return await asyncio.open_unix_connection(self._socket, limit=_LINE_LIMIT)
        except OSError as error:
            raise ShimGoneError(f"the shim does not answer on {self._socket}: {error}") from error

    async def _exchange(self, stream: Stream, request: bytes) -> tuple[int, bytes]:
        reader, writer = stream
        writer.write(request)
        status, headers = await _read_head(reader)
        if headers.get("transfer-encoding") != "chunked":
            return status, await reader.readexactly(int(headers["content-length"]))
        parts = []
        while size := int(await reader.readline() or b"0", 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readline()
        return status, b"".join(parts)


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(lines[0].split()[1]), headers
