"""A name server (RFC 1035) that knows one name, whose addresses change, and remembers what it said when."""

from __future__ import annotations

import socket
import struct
import threading
import time

NAME = "app.rehearsal"
TTL = 1
A, NXDOMAIN = 1, 3


class NameServer:
    """On port 53, because resolv.conf(5) knows no other; so it needs an address that is its own (see `world`)."""

    def __init__(self, host: str) -> None:
        self.addresses: list[str] = []
        # When A was asked for, and what was answered.
        self.said: list[tuple[float, frozenset[str]]] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, client = self.socket.recvfrom(512)
            self.socket.sendto(self._answer(question), client)

    def _answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode().lower())
            at += 1 + length
        kind, end = struct.unpack_from("!H", question, at + 1)[0], at + 5
        addresses: list[str] = []
        is_known = ".".join(labels) == NAME
        if is_known and kind == A:
            addresses = self.addresses
            self.said.append((time.monotonic(), frozenset(addresses)))
        flags = 0x8580 | (0 if is_known else NXDOMAIN)
        head = question[:2] + struct.pack("!5H", flags, 1, len(addresses), 0, 0)
        records = (struct.pack("!3HIH", 0xC00C, A, 1, TTL, 4) + socket.inet_aton(one) for one in addresses)
        return head + question[12:end] + b"".join(records)
