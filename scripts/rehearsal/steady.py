"""A client that asks at a constant rate, whatever becomes of its requests, and keeps what became of each.

It repeats nothing. That requests go out on time even when answers do not come is what makes a fault visible (a client
that waits would just ask less often: G. Tene's "coordinated omission").
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import NamedTuple

PATIENCE = 10.0
# An idle connection that the gateway is about to close must not look like a failure of what is rehearsed.
LONGEST_IDLE = 5.0


class Answer(NamedTuple):
    sent: float
    took: float
    # 0 if there was no answer.
    status: int
    origin: str
    # When the origin got it; 0 if there was no answer.
    received: float
    why: str = ""

    @property
    def is_failed(self) -> bool:
        return self.status != 200

    @property
    def ended(self) -> float:
        return self.sent + self.took


class Steady:
    def __init__(self, port: int, rate: float, target: str = "/") -> None:
        self.port, self.rate, self.target = port, rate, target
        self.answers: list[Answer] = []
        # How late a request went out at most: this machine had no time for this client.
        self.lateness = 0.0
        self.idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.tasks: set[asyncio.Task] = set()

    @contextlib.asynccontextmanager
    async def running(self):
        """Asks in the background; at the end every request has its answer, or has failed."""
        asking = asyncio.create_task(self._ask_forever())
        try:
            yield self
        finally:
            asking.cancel()
            await asyncio.gather(*self.tasks)
            for _, _, writer in self.idle:
                writer.close()

    async def _ask_forever(self) -> None:
        due = time.monotonic()
        while True:
            self.lateness = max(self.lateness, time.monotonic() - due)
            while due <= time.monotonic():
                task = asyncio.create_task(self._ask())
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
                due += 1 / self.rate
            await asyncio.sleep(due - time.monotonic())

    async def _ask(self) -> None:
        sent = time.monotonic()
        try:
            status, origin, received = await asyncio.wait_for(self._exchange(), PATIENCE)
            answer = Answer(sent, time.monotonic() - sent, status, origin, received)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError, asyncio.LimitOverrunError) as error:
            answer = Answer(sent, time.monotonic() - sent, 0, "", 0.0, repr(error))
        self.answers.append(answer)

    async def _exchange(self) -> tuple[int, str, float]:
        reader, writer = await self._connection()
        try:
            writer.write(f"GET {self.target} HTTP/1.1\r\nHost: rehearsal\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(fields["content-length"])) if "content-length" in fields else await reader.read()
            status, origin = int(head[0].split(" ")[1]), fields.get("x-origin", "")
            if status == 200 and body != f"origin {origin}".encode():
                raise ValueError(f"not what {origin} says: {body!r}")
        except BaseException:
            writer.close()
            raise
        if fields.get("connection") == "close" or "content-length" not in fields:
            writer.close()
        else:
            self.idle.append((time.monotonic(), reader, writer))
        return status, origin, float(fields.get("x-received", 0))

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self.idle:
            since, reader, writer = self.idle.pop()
            if time.monotonic() - since < LONGEST_IDLE and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)
