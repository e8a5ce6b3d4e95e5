"""A gigabyte up and down with curl: every bit arrives, and the gateway's memory does not grow."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import subprocess
import threading
from collections.abc import Iterator

from . import origins
from .curl import curl
from .report import Failure, Report, check_that
from .stage import HOST, Gateway, Stage, find

SIZE = 1 << 30
PIECE = 1 << 20
MOST_GROWTH = 8 << 20


class Memory:
    """Watches how far the gateway's resident memory grows, from a second thread."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.start = self.most = gateway.resident()
        self.samples = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.done.wait(0.01):
            with contextlib.suppress(OSError, Failure):
                self.most = max(self.most, self.gateway.resident())
                self.samples += 1

    def figure(self) -> str:
        """How much it grew; fails if that is too much."""
        growth = self.most - self.start
        check_that(growth < MOST_GROWTH,
                   f"the gateway grew from {self.start >> 10} KiB to {self.most >> 10} KiB")
        check_that(self.samples > 10, f"only {self.samples} samples of the memory were taken")
        return f"memory {self.start / 2**20:.1f} MiB, grew by {growth / 2**20:.2f} MiB"


def run(stage: Stage, report: Report) -> None:
    node = origins.node(stage, "bulk.js")
    gateway = stage.gateway(node.port)
    url = f"http://{HOST}:{gateway.port}"
    curl(f"{url}/warm").answer()  # so that what is made once is not counted as growth
    with _noise() as (path, wanted):
        for framing in ("length", "chunked"):
            with report.case(f"upload of 1 GiB ({framing})") as case:
                case.figure = _upload(gateway, f"{url}/take", path, wanted, framing)
    for framing in ("length", "chunked"):
        with report.case(f"download of 1 GiB ({framing})") as case:
            case.figure = _download(gateway, url, framing)


@contextlib.contextmanager
def _noise() -> Iterator[tuple[str, str]]:
    """The path of a gigabyte of noise, and its SHA-256. It is a file of memory: curl knows the
    length of a file only, and a disk should not have to take it."""
    number = os.memfd_create("tenfold-interop")
    try:
        digest, noise = hashlib.sha256(), random.Random("bulk").randbytes(PIECE - 8)
        for index in range(SIZE // PIECE):
            piece = index.to_bytes(8, "little") + noise  # no two pieces are the same
            digest.update(piece)
            os.write(number, piece)
        yield f"/proc/{os.getpid()}/fd/{number}", digest.hexdigest()
    finally:
        os.close(number)


def _upload(gateway: Gateway, url: str, path: str, wanted: str, framing: str) -> str:
    chunked = ("--header", "Transfer-Encoding: chunked") if framing == "chunked" else ()
    with Memory(gateway) as memory:
        said = curl("--upload-file", path, *chunked, url)
    answer = said.answer()
    check_that(answer.status == 200, f"{answer.status} {answer.body!r}")
    found = json.loads(answer.body)
    check_that(found == {"size": SIZE, "sum": wanted, "framing": framing},
               f"{found} arrived instead of {SIZE} bytes with {wanted}")
    return memory.figure()


def _download(gateway: Gateway, url: str, framing: str) -> str:
    command = [find("curl"), "--disable", "--silent", "--show-error", "--fail", "--max-time", "90",
               f"{url}/give/{SIZE}/{framing}"]
    digest, size = hashlib.sha256(), 0
    with Memory(gateway) as memory, subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while piece := process.stdout.read(PIECE):
            digest.update(piece)
            size += len(piece)
    check_that(process.returncode == 0, f"curl ended with {process.returncode}")
    wanted = curl(f"{url}/sum").answer().body.decode()
    check_that((size, digest.hexdigest()) == (SIZE, wanted),
               f"{size} bytes with {digest.hexdigest()} instead of {SIZE} with {wanted}")
    return memory.figure()
