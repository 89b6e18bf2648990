"""The load generator's process: `python -m labkit.traffic.worker`.

It reads a plan as one line of JSON, sends requests at the plan's rate until its input ends, and writes lists of requests, a
line of JSON each. The rate does not depend on the answers (an open loop), and a latency counts from the moment when its request
was to be sent: a server that stalls is seen as every user would see it, and not left out of the figures (Gil Tene's
"coordinated omission"). Its input ends when the notebook's kernel does, in whatever way, so that no generator is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import selectors
import sys
import time

import aiohttp

from labkit.traffic.plan import Plan
from labkit.traffic.request import Request, who_answered

_CONNECTIONS = 512  # at most; select() takes no more than 1024 files
_FLUSH = 0.1  # s between lines
_GRACE = 2.0  # s for the last answers when the input has ended


class Generator:
    """Sends one plan's requests and keeps those that are done until they are flushed."""

    def __init__(self, plan: Plan, session: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._session = session
        self._done: list[Request] = []
        self._running: set[asyncio.Task[None]] = set()

    async def send_all(self) -> None:
        """Start requests at the plan's rate, for ever."""
        loop = asyncio.get_running_loop()
        start, ahead, number = loop.time(), time.time() - loop.time(), 0
        while True:
            due = start + number / self._plan.rps
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            task = loop.create_task(self._send(due, due + ahead))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            number += 1

    async def finish(self) -> None:
        """Wait a moment for the answers that are still to come, and count the rest as unanswered."""
        if self._running:
            await asyncio.wait(self._running, timeout=_GRACE)
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def take(self) -> list[Request]:
        """The requests done since the last call."""
        done, self._done = self._done, []
        return done

    async def _send(self, due: float, stamp: float) -> None:
        status, version, pod, error = 0, "", "", ""
        try:
            async with self._session.get(self._plan.url, headers={"Host": self._plan.host}, allow_redirects=False) as answer:
                body = await answer.read()
                status = answer.status
                version, pod = who_answered(body)
        except asyncio.CancelledError:
            error = "no answer when the traffic was stopped"
        except TimeoutError:
            error = f"no answer within {self._plan.timeout:g} s"
        except (aiohttp.ClientError, OSError) as failure:
            error = str(failure) or type(failure).__name__
        latency = (asyncio.get_running_loop().time() - due) * 1000
        self._done.append(Request(round(stamp, 4), round(latency, 3), status, version, pod, error))


async def work() -> None:
    """Do one plan, from the standard input to the standard output."""
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    # A transport buffers what the kernel of the notebook has not read yet, so that a busy kernel does not hold up the load.
    output, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    plan = Plan(**json.loads(await commands.readline()))
    timeout = aiohttp.ClientTimeout(total=plan.timeout)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS), timeout=timeout) as session:
        generator = Generator(plan, session)

        def flush() -> None:
            output.write(json.dumps(generator.take()).encode() + b"\n")

        async def flush_always() -> None:
            while True:
                flush()
                await asyncio.sleep(_FLUSH)

        jobs = [loop.create_task(flush_always()), loop.create_task(generator.send_all())]
        await commands.read()
        for job in jobs:
            job.cancel()
        await asyncio.wait(jobs)
        await generator.finish()
        flush()
    output.close()


def main() -> None:
    """Run until the input ends. select() waits with microseconds, epoll() with milliseconds, which would show as latency."""
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(work())


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    main()
