"""WebSockets between Python's websockets as server and as client."""

from __future__ import annotations

import subprocess

from . import origins
from .report import Report, check_that
from .stage import PROGRAMS, PYTHON, Stage

CASES = {
    "text": "text of all lengths, with a subprotocol",
    "binary": "binary messages of 1 MiB, plain and compressed, fragments",
    "ping": "ping and pong, both ways",
    "crowd": "50 connections with 200 messages each",
    "close": "closing handshake from either side: codes arrive",
    "refuse": "a refused upgrade: the server's 403 arrives",
    "idle": "a silent connection is still there after 5 s",
}


def run(stage: Stage, report: Report) -> None:
    origins.need_websockets()
    origin = origins.python(stage, str(PROGRAMS / "websocket_server.py"), "{port}")
    gateway = stage.gateway(origin.port)
    for name, what in CASES.items():
        with report.case(what) as case:
            command = [PYTHON, "-B", str(PROGRAMS / "websocket_client.py"), str(gateway.port), name]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            check_that(done.returncode == 0, *done.stderr.splitlines()[-4:])
            case.figure = done.stdout.strip()
