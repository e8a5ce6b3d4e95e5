"""HTTP as bytes: a client that sends what it is told and takes answers apart without tolerance."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass, field

from .report import Failure
from .stage import HOST

# Fields that belong to one connection, and the one that a gateway adds. Everything else has to
# arrive as the origin sent it.
OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "via"}


@dataclass
class Answer:
    """A response, its framing removed."""

    version: str
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[Answer] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def parse_fields(lines: list[bytes]) -> list[tuple[str, str]]:
    fields = []
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise Failure(f"not a field: {line!r}")
        fields.append((name, value.strip()))
    return fields


def parse_head(head: bytes) -> Answer:
    """A status line and fields, without the empty line."""
    lines = head.split(b"\r\n")
    parts = lines[0].decode("latin-1").split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise Failure(f"not a status line: {lines[0]!r}")
    reason = parts[2] if len(parts) > 2 else ""
    return Answer(parts[0], int(parts[1]), reason, parse_fields(lines[1:]))


def differences(direct: Answer, through: Answer, ignore: tuple[str, ...] = ()) -> list[str]:
    """What the gateway changed though it must not."""
    found = []
    if (direct.status, direct.reason) != (through.status, through.reason):
        found.append(f"status: direct {direct.status} {direct.reason}, "
                     f"through the gateway {through.status} {through.reason}")
    if direct.all("content-length") != through.all("content-length"):
        found.append(f"Content-Length: direct {direct.all('content-length')}, "
                     f"through the gateway {through.all('content-length')}")
    # The gateway writes the framing anew, so that Content-Length may stand elsewhere; the others
    # have to be in their order and spelling.
    left_out = OF_ONE_HOP | {"content-length", "date", *ignore}
    here, there = ([one for one in answer.fields if one[0].lower() not in left_out]
                   for answer in (direct, through))
    if here != there:
        found.append(f"fields only direct: {[one for one in here if one not in there]}, only "
                     f"through the gateway: {[one for one in there if one not in here]}, "
                     f"names in order: {[name for name, _ in here]}, {[name for name, _ in there]}")
    if len(through.all("date")) != 1:
        found.append(f"Date fields: {through.all('date')}")
    if direct.body != through.body:
        found.append(f"body: {describe(direct)} direct, {describe(through)} through the gateway")
    if direct.trailers != through.trailers:
        found.append(f"trailers: {direct.trailers} direct, {through.trailers} through the gateway")
    return found


def describe(answer: Answer) -> str:
    return f"{len(answer.body)} bytes (SHA-256 {answer.digest()[:12]})"


class Wire:
    """A connection on which exactly these bytes are sent."""

    def __init__(self, port: int, timeout: float = 20) -> None:
        self.socket = socket.create_connection((HOST, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def receive(self, method: str = "GET") -> Answer:
        """The next final response."""
        interim = []
        while True:
            answer = parse_head(self._head())
            if answer.status == 101 or answer.status >= 200:
                break
            interim.append(answer)
        answer.interim = interim
        self._read_body(answer, method)
        return answer

    def is_closed(self) -> bool:
        """Waits for the other side's end; false if there is data instead."""
        return self.reader.read(1) == b""

    def line(self) -> bytes:
        line = self.reader.readline(65537)
        if not line.endswith(b"\r\n"):
            raise Failure(f"the connection ended in a line, after {line!r}")
        return line[:-2]

    def _head(self) -> bytes:
        lines = []
        while line := self.line():
            lines.append(line)
        return b"\r\n".join(lines)

    def _read_body(self, answer: Answer, method: str) -> None:
        if method == "HEAD" or answer.status in (101, 204, 304):
            return
        lengths = set(answer.all("content-length"))
        if answer.get("transfer-encoding"):
            if lengths:
                raise Failure("a response with both Content-Length and Transfer-Encoding")
            answer.body = b"".join(self.chunks())
            trailers = self._head()
            answer.trailers = parse_fields(trailers.split(b"\r\n")) if trailers else []
        elif lengths:
            answer.body = self.exactly(int(lengths.pop()))
        else:
            answer.body = self.reader.read()

    def chunks(self):
        """The chunks, up to the last one; trailers are left."""
        while size := int(self.line().split(b";")[0], 16):
            yield self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise Failure("a chunk that does not end where it says")

    def exactly(self, size: int) -> bytes:
        data = self.reader.read(size)
        if len(data) != size:
            raise Failure(f"the connection ended after {len(data)} bytes of {size}")
        return data
