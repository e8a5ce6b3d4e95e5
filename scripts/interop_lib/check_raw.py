"""Clients that few libraries are, but that HTTP/1.1 allows."""

from __future__ import annotations

import time

from . import origins
from .curl import curl
from .report import Report, check_that, none_of
from .stage import HOST, Stage
from .tree import Tree, plant
from .wire import Wire

BIG = "/sizes/5000000.html"
SERVER = 'location = /host { return 200 "$host|$request_uri|$server_protocol"; }'


def run(stage: Stage, report: Report) -> None:
    tree = plant(stage.path("tree"))
    origin = origins.nginx(stage, tree.root, SERVER)
    gateway = stage.gateway(origin.port)
    _half_closed(stage, report, gateway.port, tree)
    _pipelined(report, gateway.port, tree)
    _old(report, origin.port, gateway.port, tree)
    _absolute(report, gateway.port)


def _request(path: str, fields: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n".encode()


def _half_closed(stage: Stage, report: Report, port: int, tree: Tree) -> None:
    with report.case("half-closed client: the whole of a 5 MB file arrives") as case:
        wanted = tree.files[BIG].read_bytes()
        with Wire(port) as wire:
            wire.send(_request(BIG))
            wire.half_close()
            time.sleep(0.5)  # until every buffer on the way is full
            answer = wire.receive()
            check_that(answer.body == wanted, f"{len(answer.body)} bytes of {len(wanted)}")
            check_that(wire.is_closed(), "there was more after the response")
        case.figure = f"{len(wanted)} bytes"
    with report.case("half-closed client: an answer that comes later, in pieces") as case:
        node = origins.node(stage, "origin.js")
        gateway = stage.gateway(node.port)
        data = b"x" * 100_000
        with Wire(gateway.port) as wire:
            wire.send(_request("/events"))
            wire.half_close()
            answer = wire.receive()
            check_that(answer.body.count(b"data: ") == 8, f"{answer.body!r}")
        with Wire(gateway.port) as wire:
            wire.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + data)
            wire.half_close()
            check_that(wire.receive().body == data, "the upload's echo is not what was sent")
        case.figure = "8 events, an upload"


def _pipelined(report: Report, port: int, tree: Tree) -> None:
    with report.case("20 requests in one write are answered in order") as case:
        paths = tree.paths()[::20][:18] + [BIG, tree.paths()[0]]
        with Wire(port) as wire:
            wire.send(b"".join(_request(path) for path in paths))
            answers = [wire.receive() for _ in paths]
            none_of([f"answer {number} is not {path}: {answer.status}, {len(answer.body)} bytes"
                     for number, (path, answer) in enumerate(zip(paths, answers))
                     if answer.body != tree.files[path].read_bytes()], "wrong answers")
        case.figure = f"{sum(len(answer.body) for answer in answers)} bytes"
    with report.case("the same with a last one that closes: 20 answers, the end"):
        path = tree.small(1)[0]
        with Wire(port) as wire:
            wire.send(_request(path) * 19 + _request(path, "Connection: close\r\n"))
            answers = [wire.receive() for _ in range(20)]
            check_that(all(one.status == 200 for one in answers), "not all are 200")
            check_that(answers[-1].get("connection") == "close", f"{answers[-1].fields}")
            check_that(wire.is_closed(), "the connection stayed open")


def _old(report: Report, direct: int, through: int, tree: Tree) -> None:
    path = tree.small(1)[0]
    wanted = tree.files[path].read_bytes()
    with report.case("HTTP/1.0 without Host: answered as nginx does, then closed"):
        with Wire(direct) as here, Wire(through) as there:
            for wire in (here, there):
                wire.send(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            plain, answer = here.receive(), there.receive()
            check_that((plain.status, plain.body) == (200, wanted), f"direct: {plain.status}")
            check_that((answer.status, answer.body) == (200, wanted),
                       f"direct {plain.status}, through the gateway {answer.status}",
                       f"{answer.fields}", f"{answer.body[:200]!r}")
            check_that(there.is_closed(), "the connection stayed open")
    with report.case("HTTP/1.0 with keep-alive: ten requests on one connection"):
        with Wire(through) as wire:
            for _ in range(10):
                wire.send(f"GET {path} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
                          .encode())
                answer = wire.receive()
                check_that((answer.status, answer.body) == (200, wanted), f"{answer}")
                check_that(answer.get("connection") == "keep-alive", f"{answer.fields}")
    with report.case("curl --http1.0"):
        answer = curl("--http1.0", f"http://{HOST}:{through}{path}").answer()
        check_that((answer.status, answer.body) == (200, wanted), f"{answer}")


def _absolute(report: Report, port: int) -> None:
    with report.case("absolute-form target: its host counts, not Host"):
        with Wire(port) as wire:
            wire.send(b"GET http://docs.test/host?a=b HTTP/1.1\r\nHost: other.test\r\n\r\n")
            body = wire.receive().body
        check_that(body == b"docs.test|/host?a=b|HTTP/1.1", f"nginx saw {body!r}")
    with report.case("absolute-form target, as curl --proxy sends it"):
        body = curl("--proxy", f"http://{HOST}:{port}", "http://docs.test/host").answer().body
        check_that(body == b"docs.test|/host|HTTP/1.1", f"nginx saw {body!r}")
