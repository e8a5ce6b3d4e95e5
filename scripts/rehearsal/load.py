"""As much load as goes: wrk with 32 connections, and what it says."""

from __future__ import annotations

import re
import subprocess
import time

from . import world

CONNECTIONS = 32


class Load:
    def __init__(self, port: int, seconds: int) -> None:
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", f"http://127.0.0.1:{port}/"]
        self.process = world.start(*command, stdout=subprocess.PIPE, text=True)
        self.end = time.monotonic() + seconds

    def goes_on(self) -> bool:
        return time.monotonic() < self.end - 0.5

    def result(self) -> tuple[int, int, str]:
        """Requests, those of them that failed, and the 99th percentile of their times."""
        text = self.process.communicate()[0]
        number = lambda pattern: int((re.search(pattern, text) or [0, "0"])[1])
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        failed = sum(map(int, errors.groups())) if errors else 0
        failed += number(r"Non-2xx or 3xx responses: (\d+)")
        p99 = re.search(r"99%\s+([\d.]+)(\S+)", text)
        return number(r"(\d+) requests in"), failed, f"{float(p99[1]):.1f} {p99[2]}" if p99 else "?"
