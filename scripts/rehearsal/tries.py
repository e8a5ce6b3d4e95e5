"""How often a program has tried a server: what it counts itself, because a client sees only the attempt that succeeded.

A dead or frozen origin cannot be asked either. Tenfold and HAProxy are asked for their counters every 25 ms; nginx has
none, so its access log is read, which names all servers that a request was tried with, and how long each took.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import csv
import time
from pathlib import Path

EVERY = 0.025


class Tries:
    """Attempts at one server over time."""

    def __init__(self, program: str, folder: Path, admin: int, server: str) -> None:
        self.read = {"tenfold": self._tenfold, "haproxy": self._haproxy, "nginx": self._nginx}[program]
        self.log, self.admin, self.server = folder / "tries", admin, server
        self.times: list[float] = []
        # So many until then.
        self.counts: list[int] = []

    @contextlib.asynccontextmanager
    async def watched(self):
        watching = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            watching.cancel()
        await self.read()

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(OSError, KeyError, ValueError):
                await self.read()
            await asyncio.sleep(EVERY)

    def between(self, begin: float, end: float) -> int:
        return self._until(end) - self._until(begin)

    def _until(self, moment: float) -> int:
        place = bisect.bisect_right(self.times, moment)
        return self.counts[place - 1] if place else 0

    def _note(self, count: int) -> None:
        self.times.append(time.monotonic())
        self.counts.append(count)

    async def _tenfold(self) -> None:
        request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        start = f'tenfold_upstream_picks_total{{upstream="app",endpoint="{self.server}"}} '
        lines = (await _ask(self.admin, request)).splitlines()
        self._note(sum(int(line.removeprefix(start)) for line in lines if line.startswith(start)))

    async def _haproxy(self) -> None:
        rows = csv.DictReader((await _ask(self.admin, "show stat\n")).lstrip("# ").splitlines())
        self._note(sum(int(row["lbtot"]) for row in rows if row["svname"] == self.server))

    async def _nginx(self) -> None:
        # Read as a whole: attempts are written down when their request has ended, which is in another order.
        if time.monotonic() - (self.times[-1] if self.times else 0) < 10 * EVERY and self.counts:
            return
        offset = time.time() - time.monotonic()
        found = []
        for line in self.log.read_text().splitlines():
            ended, took = map(float, line.split(" ", 2)[:2])
            servers, times = (part.split("]")[0].split(", ") for part in line.split("[")[1:])
            began = ended - offset - took
            for server, length in zip(servers, times):
                if server == self.server:
                    found.append(began)
                began += float(length) if length != "-" else 0.0
        found.sort()
        self.times, self.counts = found, list(range(1, len(found) + 1))


async def _ask(port: int, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode())
        return (await reader.read()).decode()
    finally:
        writer.close()
