"""One of three nginx is killed under load and comes back; no client notices."""

from __future__ import annotations

import time
from pathlib import Path

from . import origins
from .report import Report, check_that, none_of
from .stage import Stage, Server
from .wire import Wire
from .wrk import Wrk

SECONDS, KILL_AT, RETURN_AT = 8, 2.0, 4.0
BODY = "Hello from one of three.\n"


def run(stage: Stage, report: Report) -> None:
    root = stage.path("root")
    root.mkdir()
    (root / "hello.txt").write_text(BODY * 20)
    servers = [_origin(stage, root, name) for name in "abc"]
    gateway = stage.gateway(*(server.port for server in servers))
    victim, log = servers[1], root / "b.log"
    with report.case("kill -9 of one of three nginx under load: no error") as case:
        started = time.monotonic()
        load = Wrk(stage, gateway.port, ["/hello.txt"], SECONDS)
        time.sleep(KILL_AT)
        victim.kill()
        served = _lines(log)
        check_that(served > 100, f"the victim had answered only {served} requests")
        time.sleep(max(0.0, started + RETURN_AT - time.monotonic()))
        while_down = _lines(log) - served
        victim.start()
        result = load.result()
        none_of(result.problems() + ["connections were refused"] * bool(result.refused), "errors")
        check_that(while_down == 0, f"{while_down} requests answered by a dead server")
        case.figure = f"{result.requests:,} requests"
    with report.case("the nginx that was killed gets requests again") as case:
        deadline = time.monotonic() + 10
        while (again := _lines(log) - served) == 0 and time.monotonic() < deadline:
            _ask(gateway.port)
        check_that(again > 0, "not one within 10 s of its return")
        case.figure = f"{again:,} since"


def _origin(stage: Stage, root: Path, name: str) -> Server:
    """Without sendfile, and so with head and body in one write: a gateway can repeat a GET that got
    no answer, but it cannot take back half of one."""
    return origins.nginx(stage, root, sendfile="off", access_log=f"{root}/{name}.log")


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _ask(port: int) -> None:
    with Wire(port) as wire:
        wire.send(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        check_that(wire.receive().status == 200, "not 200")
