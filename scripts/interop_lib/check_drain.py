"""The gateway ends under load; every request that was begun is answered.

wrk opens a connection anew when it was closed, for as long as it runs. Once the gateway has stopped
listening these are refused, which is expected: nobody listens. But wrk counts a refused connection
among its write errors (the kernel reports it with the first write), where it could hide a real one.
So another server listens on the same port from just before the signal on (SO_REUSEPORT): nothing is
refused then, and every error that wrk counts is one.
"""

from __future__ import annotations

import time

from . import origins
from .report import Report, check_that, none_of
from .stage import Stage
from .tree import plant
from .wrk import Wrk

SECONDS, TERM_AT = 5, 3.0


def run(stage: Stage, report: Report) -> None:
    tree = plant(stage.path("tree"))
    paths = tree.small(40)
    gateway = stage.gateway(origins.nginx(stage, tree.root).port)
    with report.case("SIGTERM under load: no request fails, exit code 0") as case:
        load = Wrk(stage, gateway.port, paths, SECONDS)
        time.sleep(TERM_AT - 0.5)
        log = stage.path("successor.log")
        origins.nginx(stage, tree.root, port=gateway.port, listen="reuseport", access_log=str(log))
        time.sleep(0.5)
        # wrk's connections stay where they are: the newcomer gets none of them before the signal.
        early = log.read_bytes().count(b"\n")
        took = gateway.stop()
        result = load.result()
        none_of(result.problems() + [f"{result.refused} connections were refused"]
                * bool(result.refused), "kinds of errors")
        check_that(early == 0, f"{early} requests went past the gateway before the signal")
        later = log.read_bytes().count(b"\n")
        case.figure = (f"{result.requests - later:,} requests, ended in {took:.2f} s; connections "
                       f"after that went to another listener, not counted")
