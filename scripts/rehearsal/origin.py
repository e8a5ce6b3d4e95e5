"""An origin that can be told to behave badly: `origin.py NAME HOST:PORT`.

A line on its standard input says how it goes on: `well`, `failing` (500 at once) or `slow` (a second more). Its health
check is fine all the time, as that of a real server that cannot reach its database is only too often.

`/`        its name, after 20 ms of "work"; `X-Received` is when the request came (the system's monotonic clock)
`/healthz` 200
`/long/download` many bytes that are easily told from wrong ones
`/long/echo`     a WebSocket that sends back what it gets
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
import time

WORK, SLOWNESS = 0.02, 1.0
BLOCK, BLOCKS = 64 * 1024, 1024


def block(number: int) -> bytes:
    """A part of the download, different from every other part."""
    return hashlib.sha256(number.to_bytes(8, "big")).digest() * (BLOCK // 32)


def accept_key(key: str) -> str:
    """RFC 6455 section 4.2.2."""
    return base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()


class Origin:
    def __init__(self, name: str) -> None:
        self.name, self.mode = name, "well"

    async def obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            self.mode = line.decode().strip()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                target = head.split(" ", 2)[1]
                if target == "/long/echo":
                    return await self.echo(head, reader, writer)
                if target == "/long/download":
                    await self.download(writer)
                else:
                    await self.answer(target, time.monotonic(), writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, target: str, received: float, writer: asyncio.StreamWriter) -> None:
        is_probe = target == "/healthz"
        status = 500 if self.mode == "failing" and not is_probe else 200
        if status == 200 and not is_probe:
            await asyncio.sleep(WORK + (SLOWNESS if self.mode == "slow" else 0))
        body = f"origin {self.name}"
        writer.write(
            f"HTTP/1.1 {status} X\r\nX-Origin: {self.name}\r\nX-Received: {received:.6f}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    async def download(self, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 X\r\nContent-Length: {BLOCK * BLOCKS}\r\n\r\n".encode())
        for number in range(BLOCKS):
            writer.write(block(number))
            await writer.drain()

    async def echo(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = next(line.split(":", 1)[1].strip() for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key:"))
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
        )
        is_over = False
        while not is_over:
            first, length = await reader.readexactly(2)
            mask = await reader.readexactly(4)
            masked = await reader.readexactly(length & 0x7F)
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))
            writer.write(bytes([first, len(payload)]) + payload)
            await writer.drain()
            is_over = first & 0x0F == 8


async def main() -> None:
    name, address = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    origin = Origin(name)
    server = await asyncio.start_server(origin.serve, host, int(port), reuse_address=True, backlog=1024)
    async with server:
        await asyncio.gather(server.serve_forever(), origin.obey())


if __name__ == "__main__":
    asyncio.run(main())
