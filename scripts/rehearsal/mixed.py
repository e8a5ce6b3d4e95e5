"""Requests as a cache gets them: some pages are asked for often, many now and then, and a few by nobody else.

And the server that has these pages: `mixed.py PORT`, 20 ms for each.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import sys

from .steady import Steady

PAGES, SIZE = 2000, 4096
# So many of the requests are for pages that nobody has asked for before.
NEW = 0.1
WORK = 0.02


def page(target: str) -> bytes:
    return (hashlib.sha256(target.encode()).hexdigest() * (SIZE // 64)).encode()


class Mixed(Steady):
    """The origin of an answer is what `Cache-Status` says; a body that is not the page's is a failure."""

    fresh = itertools.count()

    def __init__(self, port: int, rate: float, seed: int = 1) -> None:
        super().__init__(port, rate)
        self.random = random.Random(seed)

    def next_target(self) -> str:
        if self.random.random() < NEW:
            return f"/new/{next(self.fresh)}"
        # The density falls with the number: Zipf's law, about.
        return f"/page/{int(PAGES ** self.random.random()) - 1}"

    async def _exchange(self) -> tuple[int, str, float]:
        return await self.ask(self.next_target())

    async def ask(self, target: str) -> tuple[int, str, float]:
        reader, writer = await self._connection()
        try:
            writer.write(f"GET {target} HTTP/1.1\r\nHost: rehearsal\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(fields["content-length"]))
            if int(head[0].split(" ")[1]) == 200 and body != page(target):
                raise ValueError(f"this is not {target}")
        except BaseException:
            writer.close()
            raise
        if fields.get("connection") == "close":
            writer.close()
        else:
            self.idle.append((asyncio.get_running_loop().time(), reader, writer))
        return int(head[0].split(" ")[1]), fields.get("cache-status", ""), 0.0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            target = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)[1]
            await asyncio.sleep(WORK)
            body = page(target)
            fields = f"Cache-Control: max-age=3600\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), reuse_address=True, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
