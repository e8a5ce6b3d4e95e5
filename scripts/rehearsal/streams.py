"""What must survive every change: a WebSocket that speaks every 50 ms, and a download whose client reads 100 KB/s."""

from __future__ import annotations

import base64
import os
import socket
import threading
import time

from .origin import BLOCK, BLOCKS, accept_key, block

SPEAK_EVERY = 0.05
READ_EVERY = 0.1
BYTES_PER_READ = 10_000
PATIENCE = 10


class Streams:
    """Both, each in a thread, until `finish`."""

    def __init__(self, port: int) -> None:
        self.port, self.is_over = port, threading.Event()
        self.results: dict[str, str] = {}
        self.threads = [threading.Thread(target=self.guarded, args=(it,), daemon=True) for it in (self.websocket, self.download)]
        self.since = time.monotonic()
        for thread in self.threads:
            thread.start()

    def finish(self) -> list[str]:
        """Lets both come to their end; says for how long they were open meanwhile, and how each fared."""
        seconds = time.monotonic() - self.since
        self.is_over.set()
        for thread in self.threads:
            thread.join(120)
        return [f"{seconds:.0f} s", *(self.results.get(name, "HANGS") for name in ("websocket", "download"))]

    def guarded(self, run) -> None:
        began = time.monotonic()
        try:
            self.results[run.__name__] = run()
        except (OSError, EOFError, AssertionError) as error:
            self.results[run.__name__] = f"BROKEN after {time.monotonic() - began:.1f} s: {error!r}"

    def connect(self, buffer: int | None = None) -> socket.socket:
        stream = socket.socket()
        if buffer:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        stream.settimeout(PATIENCE)
        stream.connect(("127.0.0.1", self.port))
        return stream

    def websocket(self) -> str:
        with self.connect() as stream, stream.makefile("rb") as incoming:
            key = base64.b64encode(os.urandom(16)).decode()
            stream.sendall(
                "GET /long/echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
            )
            status, fields = _head(incoming)
            assert status == 101 and fields["sec-websocket-accept"] == accept_key(key), (status, fields)
            count, longest = 0, 0.0
            while not self.is_over.is_set():
                count += 1
                sent = time.monotonic()
                _exchange(stream, incoming, 1, f"message {count}".encode())
                longest = max(longest, time.monotonic() - sent)
                time.sleep(SPEAK_EVERY)
            _exchange(stream, incoming, 8, b"\x03\xe8")
            assert incoming.read(1) == b"", "bytes behind the end"
            return f"{count} messages, the slowest {longest * 1000:.0f} ms"

    def download(self) -> str:
        with self.connect(buffer=16 * 1024) as stream, stream.makefile("rb", buffering=0) as incoming:
            stream.sendall(b"GET /long/download HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            status, fields = _head(incoming)
            assert status == 200 and fields["content-length"] == str(BLOCK * BLOCKS), (status, fields)
            before = 0
            pending = bytearray()
            for number in range(BLOCKS):
                while len(pending) < BLOCK:
                    is_slow = not self.is_over.is_set()
                    some = incoming.read(BYTES_PER_READ if is_slow else BLOCK)
                    assert some, f"ends after {number * BLOCK + len(pending)} bytes"
                    pending += some
                    if is_slow:
                        before += len(some)
                        time.sleep(READ_EVERY)
                assert pending[:BLOCK] == block(number), f"wrong bytes in block {number}"
                del pending[:BLOCK]
            assert not pending and incoming.read(1) == b"", "bytes behind the end"
            return f"{BLOCK * BLOCKS >> 20} MiB, {before / (1 << 20):.1f} of them slowly"


def _head(incoming) -> tuple[int, dict[str, str]]:
    lines = []
    while line := incoming.readline().strip():
        lines.append(line.decode("latin-1"))
    if not lines:
        raise EOFError("no answer")
    pairs = (line.split(":", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), {name.lower(): value.strip() for name, value in pairs}


def _exchange(stream: socket.socket, incoming, kind: int, payload: bytes) -> None:
    """Sends a frame (RFC 6455 section 5.2) and expects its echo."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    stream.sendall(bytes([0x80 | kind, 0x80 | len(payload)]) + mask + masked)
    wanted = bytes([0x80 | kind, len(payload)]) + payload
    got = incoming.read(len(wanted))
    if not got:
        raise EOFError("the connection ended")
    assert got == wanted, (got, wanted)
