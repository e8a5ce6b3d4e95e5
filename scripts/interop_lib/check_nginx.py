"""nginx with a tree of files: everything that comes through the gateway equals a direct fetch."""

from __future__ import annotations

import os
import re
import zlib

from . import origins
from .curl import curl, fetch
from .pair import Pair
from .report import Report, check_that, none_of
from .stage import Stage
from .tree import plant
from .wire import Answer, differences
from .wrk import Wrk

# gzip_proxied: by default nginx does not compress for a proxy, which it knows by the Via field that
# a gateway has to send (RFC 9110 section 7.6.3).
SERVER = """
    gzip on; gzip_proxied any; gzip_vary on; gzip_min_length 200;
    gzip_types text/plain text/markdown application/json image/svg+xml;
    client_max_body_size 1m;
    location = /moved { return 301 /sizes/100.html; }
    location = /found { return 302 /doc/; }
    location = /see { return 303 http://elsewhere.test:8443/x?y=1; }
    location = /empty { return 204; }
    location = /forbidden { return 403; }
    location = /teapot { return 418 "short and stout"; }
    location = /dropped { return 444; }
    location /upload { proxy_pass http://127.0.0.1:1; }
"""
RANGES = ("bytes=0-0", "bytes=0-99", "bytes=100-", "bytes=-1", "bytes=-100", "bytes=5000-5999",
          "bytes=65535-65537", "bytes=0-0,-1", "bytes=10-19,30-39,1000-1999", "bytes=99999999-",
          "bytes=5-2", "lines=1-2")


def run(stage: Stage, report: Report) -> None:
    tree = plant(stage.path("tree"))
    origin = origins.nginx(stage, tree.root, SERVER)
    gateway = stage.gateway(origin.port)
    pair = Pair(stage, origin.port, gateway.port, tree)
    _files(report, pair)
    _ranges(report, pair)
    _conditions(report, pair)
    _statuses(report, pair)
    _compression(report, pair)
    _refused_upload(report, pair)
    _load(report, pair)


def _files(report: Report, pair: Pair) -> None:
    paths = list(pair.tree.files)
    with report.case("every file, 16 at a time: bytes and fields equal") as case:
        case.figure = pair.compare_with_disk(paths)
    with report.case("every file, one after the other on one connection") as case:
        case.figure = pair.compare_on_one_connection(paths)
    with report.case("HEAD of every file: fields equal, no body") as case:
        answers = pair.compare(paths, "--head")
        none_of([path for path, answer in zip(paths, answers) if answer.body
                 or answer.get("content-length") != str(pair.tree.files[path].stat().st_size)],
                "HEAD answers with a body or a wrong Content-Length")
        case.figure = f"{len(paths)} files"


def _ranges(report: Report, pair: Pair) -> None:
    with report.case("ranges: 206 with one and several parts, 416") as case:
        path, seen = "/sizes/1000003.bin", set()
        check_that(path in pair.tree.files, f"{path} is not in the tree")
        for value in RANGES:
            direct, through = (fetch(pair.stage, port, [path], "--header", f"Range: {value}")[0]
                               for port in (pair.direct, pair.through))
            found = differences(_without_boundary(direct), _without_boundary(through))
            none_of([f"Range: {value}: {problem}" for problem in found], "differences")
            seen.add(through.status)
        check_that(seen == {200, 206, 416}, f"answers were {sorted(seen)}")
        case.figure = f"{len(RANGES)} ranges"
    with report.case("If-Range, with the right and with a wrong ETag"):
        tag = pair.compare([path])[0].get("etag")
        for value, status in ((tag, 206), ('"other"', 200)):
            answer = pair.compare([path], "--header", "Range: bytes=5-9",
                                  "--header", f"If-Range: {value}")[0]
            check_that(answer.status == status, f"If-Range: {value} gave {answer.status}")


def _without_boundary(answer: Answer) -> Answer:
    """nginx makes a new boundary for each answer with several parts."""
    kind = answer.get("content-type") or ""
    boundary = re.search(r"boundary=(\w+)", kind)
    if boundary:
        fields = [(name, value.replace(boundary[1], "B")) for name, value in answer.fields]
        answer.fields = fields
        answer.body = answer.body.replace(boundary[1].encode(), b"B")
    return answer


def _conditions(report: Report, pair: Pair) -> None:
    paths = pair.tree.paths(".html", ".bin", at_most=20)
    with report.case("If-None-Match, If-Modified-Since: 304; If-Match: 412") as case:
        count = 0
        for path in paths:
            first = pair.compare([path])[0]
            tag, date = first.get("etag"), first.get("last-modified")
            for field, status in ((f"If-None-Match: {tag}", 304), ('If-None-Match: "x"', 200),
                                  (f"If-Modified-Since: {date}", 304), ('If-Match: "x"', 412),
                                  ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412)):
                answer = pair.compare([path], "--header", field)[0]
                check_that(answer.status == status, f"{path}, {field}: {answer.status}")
                check_that(status != 304 or not answer.body, f"{path}: a 304 with a body")
                count += 1
        case.figure = f"{count} requests"


def _statuses(report: Report, pair: Pair) -> None:
    # A fixed name, since nginx makes absolute redirects of it.
    host = ("--header", "Host: docs.test")
    with report.case("redirects, 204, 403, 404, 405, 418: all as nginx says them") as case:
        wanted = {"/moved": 301, "/found": 302, "/see": 303, "/doc": 301, "/empty": 204,
                  "/forbidden": 403, "/doc/": 403, "/no/such/file": 404, "/teapot": 418,
                  "/sizes/../teapot": 418, "//sizes///100.html": 200,
                  "/sizes/100%2ehtml": 200, "/%2e%2e/%2e%2e/etc/passwd": 400,
                  "/sizes/100.html?a=b&c=%20d": 200}
        answers = pair.compare(list(wanted), *host)
        none_of([f"{path}: {answer.status} instead of {status}" for (path, status), answer
                 in zip(wanted.items(), answers) if answer.status != status], "wrong answers")
        for method, status in (("POST", 405), ("DELETE", 405), ("OPTIONS", 405), ("PURGE", 405)):
            answer = pair.compare(["/sizes/100.html"], "--request", method, *host)[0]
            check_that(answer.status == status, f"{method} gave {answer.status}")
        case.figure = f"{len(wanted) + 4} requests"
    with report.case("an origin that closes without an answer: 502, at once"):
        said = curl(f"http://127.0.0.1:{pair.through}/dropped")
        check_that(said.answer().status == 502, f"the answer was {said.answer().status}")
        check_that(float(said.written.split()[0]) < 2, f"it took {said.written.split()[0]} s")


def _compression(report: Report, pair: Pair) -> None:
    paths = pair.tree.paths(".html", ".txt", ".md")
    with report.case("gzip by nginx (chunked): compressed bytes equal") as case:
        answers = pair.compare(paths, "--header", "Accept-Encoding: gzip")
        packed = [(path, answer) for path, answer in zip(paths, answers)
                  if answer.get("content-encoding") == "gzip"]
        none_of([path for path, answer in packed if answer.get("transfer-encoding") != "chunked"
                 or zlib.decompress(answer.body, wbits=31) != pair.tree.files[path].read_bytes()],
                "files that are not chunked or unpack to something else")
        check_that(len(packed) > 30, f"only {len(packed)} answers were compressed")
        case.figure = f"{len(packed)} of {len(paths)} compressed"


def _refused_upload(report: Report, pair: Pair) -> None:
    with report.case("a 20 MB upload that nginx refuses: 413 arrives, no reset") as case:
        data, count = os.urandom(20_000_000), 0
        url = f"http://127.0.0.1:{pair.through}/upload"
        for fields in ("Expect: 100-continue", "Expect:", "Transfer-Encoding: chunked"):
            for _ in range(4):
                said = curl("--data-binary", "@-", "--header", fields, url, data=data)
                check_that(said.code == 0, f"{fields}: curl ended with {said.code}",
                           said.verbose[-500:])
                check_that(said.answer().status == 413, f"{fields}: {said.answer().status}")
                count += 1
        case.figure = f"{count} uploads"


def _load(report: Report, pair: Pair) -> None:
    paths = pair.tree.small(at_most=40)
    with report.case("wrk, 64 connections for 5 s on small files: no error") as case:
        result = Wrk(pair.stage, pair.through, paths, seconds=5).result()
        none_of(result.problems() + [f"{result.refused} connections were refused"]
                * bool(result.refused), "kinds of errors")
        case.figure = f"{result.requests:,} requests"
    with report.case("every file once more after the load") as case:
        case.figure = pair.compare_with_disk(list(pair.tree.files))
