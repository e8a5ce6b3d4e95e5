"""Python's own servers, which speak HTTP/1.0 and close after every answer."""

from __future__ import annotations

import hashlib
import json
import os

from . import origins
from .curl import curl
from .pair import Pair
from .report import Report, check_that, none_of
from .stage import HOST, PROGRAMS, Stage
from .tree import plant
from .wire import Wire, differences

# Python's server lets five connections wait; more would measure the kernel's patience.
PARALLEL = 4


def run(stage: Stage, report: Report) -> None:
    _http_server(stage, report)
    _wsgi(stage, report)


def _http_server(stage: Stage, report: Report) -> None:
    tree = plant(stage.path("tree"))
    arguments = ("-m", "http.server", "{port}", "--bind", HOST, "--directory", str(tree.root))
    origin = origins.python(stage, *arguments)
    pair = Pair(stage, origin.port, stage.gateway(origin.port).port, tree)
    paths = list(tree.files)
    with report.case("http.server (HTTP/1.0): every file equal") as case:
        case.figure = pair.compare_with_disk(paths, parallel=PARALLEL)
    with report.case("http.server: every file on one connection of the client") as case:
        case.figure = pair.compare_on_one_connection(paths, parallel=PARALLEL)
    with report.case("http.server: HEAD, listings, redirects, 304, 404, 501") as case:
        pair.compare(paths, "--head", parallel=PARALLEL)
        pair.compare(["/", "/doc", "/doc/", "/sizes/", "/no/such"], parallel=PARALLEL)
        since = ("--header", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT")
        check_that(pair.compare(paths[:1], *since)[0].status == 304, "no 304")
        check_that(pair.compare(paths[:1], "--request", "DELETE")[0].status == 501, "no 501")
        case.figure = f"{len(paths) + 7} requests"


def _wsgi(stage: Stage, report: Report) -> None:
    origin = origins.python(stage, str(PROGRAMS / "wsgi_app.py"), "{port}")
    gateway = stage.gateway(origin.port)
    with report.case("wsgiref: uploads arrive whole") as case:
        sizes = (0, 1, 4095, 65536, 65537, 1_000_000, 10_000_000)
        for size in sizes:
            data = os.urandom(size)
            method = ("POST", "PUT")[size % 2]
            answer = curl("--request", method, "--data-binary", "@-",
                          f"http://{HOST}:{gateway.port}/upload", data=data).answer()
            wanted = {"method": method, "size": size, "sum": hashlib.sha256(data).hexdigest()}
            check_that(answer.status == 200 and json.loads(answer.body) == wanted,
                       f"{size} bytes: {answer.status} {answer.body!r} instead of {wanted}")
        case.figure = f"{len(sizes)} uploads, {sum(sizes)} bytes"
    with report.case("wsgiref: bodies without a length become chunks") as case:
        request = f"GET /pieces HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        with Wire(origin.port) as direct, Wire(gateway.port) as through:
            direct.send(request)
            here = direct.receive()
            for _ in range(5):
                through.send(request)
                there = through.receive()
                none_of(differences(here, there), "differences")
                check_that(there.get("transfer-encoding") == "chunked", f"{there.fields}")
        case.figure = f"5 x {len(there.body)} bytes on one connection"
