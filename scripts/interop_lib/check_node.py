"""Node.js: what frameworks do beyond plain responses, and connections that it closes when idle."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import time

from . import origins
from .curl import curl
from .report import Report, Skip, check_that, none_of
from .stage import HOST, Stage, background
from .wire import Wire, differences

# Each gateway sends its requests at another moment around the one at which Node.js closes.
GATEWAYS, CLIENTS, ROUNDS = 8, 24, 2
SPREAD = 0.06


def run(stage: Stage, report: Report) -> None:
    node = origins.node(stage, "origin.js")
    gateway = stage.gateway(node.port)
    patience = background(_patience, node.port)  # takes five seconds of doing nothing
    _streams(report, node.port, gateway.port)
    _bodies(report, gateway.port)
    _interim(report, gateway.port)
    _fields(report, node.port, gateway.port)
    _idle(report, stage, node.port, patience())


def _ask(port: int, path: str, request: str = "GET", fields: str = "", version: str = "1.1"):
    with Wire(port) as wire:
        wire.send(f"{request} {path} HTTP/{version}\r\nHost: node.test\r\n{fields}\r\n".encode())
        return wire.receive(request)


def _streams(report: Report, direct: int, through: int) -> None:
    with report.case("chunked stream with trailers") as case:
        fields = "TE: trailers\r\nConnection: TE\r\n"
        here, there = (_ask(port, "/stream", fields=fields) for port in (direct, through))
        none_of(differences(here, there), "differences")
        check_that(dict(there.trailers).get("X-Sum") == there.digest(), f"{there.trailers}")
        case.figure = f"{len(there.body)} bytes, {len(there.trailers)} trailers"
    with report.case("the same to HTTP/1.0: no chunks, ends by closing"):
        old = _ask(through, "/stream", version="1.0")
        check_that(old.body == here.body, f"{len(old.body)} bytes instead of {len(here.body)}")
        check_that(not old.get("transfer-encoding"), "HTTP/1.0 got chunks")
    with report.case("server-sent events arrive one by one") as case:
        arrivals = _events(through)
        check_that(len(arrivals) == 8, f"{len(arrivals)} events of 8")
        # 300 ms for each, on a machine that may be busy.
        none_of([f"event {number} arrived when two more had been sent" for number in range(6)
                 if arrivals[number][0] > arrivals[number + 2][1]], "late events")
        slowest = max(arrived - sent for arrived, sent in arrivals)
        case.figure = f"8 events, the slowest took {slowest:.0f} ms"


def _events(port: int) -> list[tuple[float, float]]:
    """When each event arrived and when it was sent, in milliseconds since 1970."""
    found = []
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    while line := answer.readline():
        if line.startswith(b"data: "):
            found.append((time.time() * 1000, json.loads(line[6:])["sent"]))
    connection.close()
    return found


def _bodies(report: Report, port: int) -> None:
    url = f"http://{HOST}:{port}"
    with report.case("JSON echoed by POST, PUT, PATCH and DELETE") as case:
        data = json.dumps({"text": "ünïcödé \u2603", "list": list(range(1000))}).encode()
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = curl("--request", method, "--header", "Content-Type: application/json",
                          "--data-binary", "@-", f"{url}/echo", data=data).answer()
            check_that(answer.body == data and answer.get("x-method") == method,
                       f"{method}: {answer.status} {answer.fields} {answer.body[:100]!r}")
            check_that(answer.get("content-type") == "application/json", f"{answer.fields}")
        case.figure = f"4 x {len(data)} bytes"
    with report.case("POST with chunks, with Content-Length, and empty") as case:
        for size in (0, 1, 65536, 3_000_000):
            for fields in ("Transfer-Encoding: chunked", "Accept: */*"):
                data = os.urandom(size)
                answer = curl("--data-binary", "@-", "--header", fields, "--header", "Expect:",
                              f"{url}/echo", data=data).answer()
                wanted = "chunked" if "chunked" in fields else str(size)
                check_that(answer.body == data, f"{fields}, {size}: {len(answer.body)} bytes")
                check_that(answer.get("x-framing") == wanted, f"{size}: {answer.fields}")
        case.figure = "8 uploads"


def _interim(report: Report, port: int) -> None:
    url = f"http://{HOST}:{port}"
    with report.case("103 Early Hints, seen by curl"):
        said = curl(f"{url}/hints")
        answer = said.answer()
        check_that("< HTTP/1.1 103 Early Hints" in said.verbose, "no 103", said.verbose[-600:])
        links = answer.interim[0].all("link") if answer.interim else []
        check_that("rel=preload; as=style" in ", ".join(links), f"Link: {links}")
        check_that((answer.status, answer.body) == (200, b"after the hints\n"), f"{answer}")
    with report.case("Expect: 100-continue with 5 MB: one 100, then the upload") as case:
        data = os.urandom(5_000_000)
        said = curl("--header", "Expect: 100-continue", "--expect100-timeout", "20",
                    "--data-binary", "@-", f"{url}/digest", data=data)
        answer = said.answer()
        check_that(json.loads(answer.body)["sum"] == hashlib.sha256(data).hexdigest(),
                   f"what arrived: {answer.body!r}")
        seen = said.verbose.count("< HTTP/1.1 100 Continue")
        check_that(seen == 1, f"{seen} times 100 Continue", said.verbose[-600:])
        seconds = float(said.written.split()[0])
        check_that(seconds < 5, f"took {seconds} s")
        case.figure = f"{seconds:.2f} s"
    with report.case("Expect: 100-continue that Node.js refuses: 403, no upload"):
        said = curl("--header", "Expect: 100-continue", "--expect100-timeout", "20",
                    "--data-binary", "@-", f"{url}/refuse", data=data)
        check_that(said.answer().status == 403, f"{said.answer().status}")
        check_that("100 Continue" not in said.verbose, "there was a 100", said.verbose[-600:])


def _fields(report: Report, direct: int, through: int) -> None:
    with report.case("cookies, long and odd fields, 204, 304, HEAD: all equal") as case:
        asked = [("GET", "/cookies"), ("HEAD", "/cookies"), ("GET", "/status/204"),
                 ("GET", "/status/304"), ("GET", "/status/205"), ("POST", "/status/201"),
                 ("GET", "/status/599"), ("GET", "/nothing"), ("OPTIONS", "/status/200")]
        for method, path in asked:
            fields = "Content-Length: 0\r\n" if method == "POST" else ""
            here, there = (_ask(port, path, method, fields) for port in (direct, through))
            none_of([f"{method} {path}: {one}" for one in differences(here, there)], "differences")
        case.figure = f"{len(asked)} requests"


def _patience(port: int) -> float:
    """How long Node.js keeps an idle connection."""
    with Wire(port) as wire:
        wire.send(b"GET /echo HTTP/1.1\r\nHost: node.test\r\n\r\n")
        wire.receive()
        started = time.monotonic()
        try:
            closed = wire.is_closed()
        except socket.timeout:
            raise Skip("Node.js does not close idle connections here") from None
        check_that(closed, "Node.js sent data on an idle connection")
        return time.monotonic() - started


def _idle(report: Report, stage: Stage, direct: int, patience: float) -> None:
    what = f"requests just when Node.js closes (after {patience:.1f} s): no 502"
    with report.case(what) as case:
        gateways = [stage.gateway(direct, options=("--workers", "1")) for _ in range(GATEWAYS)]
        before = _connections(direct)
        start = time.monotonic() + 0.3
        # One burst, so that there are connections to be closed; then one just when they are.
        moments = [[start + turn * patience + bool(turn) * SPREAD * (2 * number / GATEWAYS - 1)
                    for turn in range(ROUNDS + 1)] for number in range(GATEWAYS)]
        clients = [background(_client, gateway.port, ("GET", "POST")[number % 2], at)
                   for gateway, at in zip(gateways, moments) for number in range(CLIENTS)]
        problems = [problem for client in clients for problem in client()]
        none_of(problems, "requests failed")
        opened = _connections(direct) - before
        count = len(clients) * (ROUNDS + 1)
        case.figure = f"{count} GET and POST, {opened} connections to Node.js"


def _client(port: int, method: str, moments: list[float]) -> list[str]:
    """Requests at these moments on one connection; what went wrong."""
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    problems = []
    for turn, moment in enumerate(moments):
        time.sleep(max(0.0, moment - time.monotonic()))
        problem = _round(connection, method)
        if problem:
            problems.append(f"turn {turn}: {problem}")
    connection.close()
    return problems


def _round(connection: http.client.HTTPConnection, method: str) -> str:
    """One request; what is wrong with its answer, if anything."""
    data = b'{"hello": "world"}' if method == "POST" else b""
    try:
        connection.request(method, "/echo", data or None)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{method}: {type(error).__name__}: {error}"
    if (answer.status, body) == (200, data):
        return ""
    return f"{method}: {answer.status} {body[:80]!r}"


def _connections(port: int) -> int:
    return json.loads(_ask(port, "/statistics").body)["connections"]
