"""A name for three of four origins, of which every three seconds one leaves and another comes, under a constant load.

The one that has left is killed soon after: whoever still asks it then, or had not let its requests end, is found out. A
moment later it is there again, and comes back at the next change.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import NamedTuple

from . import programs, world
from .names import NAME, TTL, NameServer
from .steady import Answer, Steady

HOSTS = [f"127.0.0.{number}" for number in (11, 12, 13, 14)]
TARGET = "/named/"
RATE = 400
CHANGES = 5
# After a change: the leaver is killed; it is there again; the next one leaves.
KILLED, AGAIN, NEXT = TTL + 1.2, TTL + 1.4, TTL + 2.0


class Change(NamedTuple):
    at: float
    leaver: str
    newcomer: str


class Renaming:
    def __init__(self) -> None:
        self.port = world.free_port()
        self.origins = {host: programs.origin(host, self.port, host) for host in HOSTS}
        self.server = NameServer(world.NAME_SERVER)
        self.server.addresses = HOSTS[:-1]
        self.leaver = len(HOSTS) - 1

    @property
    def name(self) -> str:
        return f"{NAME}:{self.port}"

    def under_load(self, port: int) -> tuple[list[Change], list[Answer]]:
        return asyncio.run(self._under_load(port))

    async def _under_load(self, port: int) -> tuple[list[Change], list[Answer]]:
        async with Steady(port, RATE, TARGET).running() as client:
            await asyncio.sleep(1)
            changes = [await self._change() for _ in range(CHANGES)]
        return changes, client.answers

    async def _change(self) -> Change:
        newcomer = HOSTS[self.leaver]
        self.leaver = (self.leaver + 1) % len(HOSTS)
        host = HOSTS[self.leaver]
        self.server.addresses = [it for it in HOSTS if it != host]
        began = time.monotonic()
        await asyncio.sleep(KILLED)
        self.origins[host].kill()
        self.origins[host].wait()
        await asyncio.sleep(AGAIN - KILLED)
        self.origins[host] = programs.start_origin(host, self.port, host)
        await asyncio.sleep(NEXT - AGAIN)
        while not world.listens(self.port, host):
            await asyncio.sleep(0.02)
        return Change(began, host, newcomer)

    def effect(self, changes: list[Change], answers: list[Answer]) -> str:
        """How soon the changes had an effect."""
        first, after_answer, last = [], [], [0.0]
        for change in changes:
            seen = [it.received for it in answers if it.origin == change.newcomer and it.received > change.at]
            told = [at for at, addresses in self.server.said if at > change.at and change.newcomer in addresses]
            if seen and told:
                first.append(min(seen) - change.at)
                after_answer.append(min(seen) - min(told))
            late = (it.received for it in answers if it.origin == change.leaver and it.received < change.at + KILLED)
            last.append(max((it - change.at for it in late), default=0.0))
        if len(first) < len(changes):
            return "the new address was not asked"
        return (
            f"first request at a new address {statistics.median(first):.2f} s after the change (at most {max(first):.2f}), "
            f"{statistics.median(after_answer) * 1000:.0f} ms after the answer that named it (at most {max(after_answer) * 1000:.0f}); "
            f"last request at an old one at most {max(last):.2f} s after the change"
        )

    def end(self) -> None:
        for process in self.origins.values():
            process.kill()
            process.wait()
