"""A connection to Redis that can be slow: `proxy.py PORT TO_PORT`.

A line on its standard input says by how many seconds every answer is late from now on.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

CHUNK = 64 * 1024


class Proxy:
    def __init__(self, to: int) -> None:
        self.to, self.delay = to, 0.0

    async def obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            self.delay = float(line)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
            ways = [self._copy(reader, back, lambda: 0.0), self._copy(there, writer, lambda: self.delay)]
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            back.close()
        writer.close()

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay) -> None:
        """Bytes keep their distance from each other: what follows does not wait twice."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        clock = asyncio.get_running_loop().time

        async def send() -> None:
            while True:
                moment, some = await due.get()
                await asyncio.sleep(max(0.0, moment - clock()))
                writer.write(some)
                await writer.drain()

        sending = asyncio.create_task(send())
        try:
            while some := await reader.read(CHUNK):
                due.put_nowait((clock() + delay(), some))
        finally:
            sending.cancel()


async def main() -> None:
    port, to = map(int, sys.argv[1:])
    proxy = Proxy(to)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    async with server:
        await asyncio.gather(server.serve_forever(), proxy.obey())


if __name__ == "__main__":
    asyncio.run(main())
