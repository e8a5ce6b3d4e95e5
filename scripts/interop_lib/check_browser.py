"""A browser loads a page and all that belongs to it through the gateway, and hashes every file."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import random
import re
import shutil
import struct
import subprocess
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from . import origins
from .report import Failure, Report, check_that, none_of
from .stage import HOST, PROGRAMS, Stage, find
from .tree import content

IMAGES, SCRIPTS, STYLES, DATA = 30, 20, 12, (0, 1, 65536, 1_000_003, 5_000_000)
PATIENCE = 60
PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>loading</title>
{styles}
<script>window.paths = {paths};</script>
<script src="/page.js"></script>
</head><body>
<h1>Through the gateway</h1>
{images}
{paragraphs}
{scripts}
</body></html>
"""


def run(stage: Stage, report: Report) -> None:
    program = find("chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
                   setup="scripts/setup --browser")
    site = stage.path("site")
    _build(site)
    with _Collector() as collector:
        server = f"location = /report {{ proxy_pass http://{HOST}:{collector.port}; }}"
        gateway = stage.gateway(origins.nginx(stage, site, server).port)
        with report.case(f"{_version(program)} loads a page of {IMAGES + SCRIPTS + STYLES} files "
                         "and hashes them") as case:
            picture = stage.path("browser.png")
            browser = _Browser(stage, program, f"http://{HOST}:{gateway.port}/", picture)
            found = collector.wait(browser)
            none_of(_problems(site, found), "things are wrong in the browser")
            case.figure = f"{len(found['sums'])} SHA-256 as on disk"
        with report.case("its screenshot") as case:
            browser.wait()
            data = picture.read_bytes() if picture.exists() else b""
            check_that(data.startswith(b"\x89PNG"), "there is none", browser.last_words())
            case.figure = f"{len(data)} bytes" + (f", {picture}" if stage.keep else "")


# ---- The page --------------------------------------------------------------------------------


def _build(site: Path) -> None:
    """A page, and what it refers to: all of it different."""
    site.mkdir()
    numbers = random.Random("browser")
    images = [f"/image-{number}.{'svg' if number % 5 == 0 else 'png'}" for number in range(IMAGES)]
    scripts = [f"/script-{number}.js" for number in range(SCRIPTS)]
    styles = [f"/style-{number}.css" for number in range(STYLES)]
    data = [f"/data-{size}.bin" for size in DATA]
    for number, path in enumerate(images):
        make = _svg if path.endswith("svg") else _png
        (site / path[1:]).write_bytes(make(number, numbers))
    for number, path in enumerate(scripts):
        padding = numbers.randbytes(number * 997).hex()
        (site / path[1:]).write_text(
            f"(window.scripts = window.scripts || []).push({number}); // {padding}\n")
    for number, path in enumerate(styles):
        (site / path[1:]).write_text(f".style-{number} {{ color: rgb(1, 2, 3); }}\n" * (number + 1))
    for size, path in zip(DATA, data):
        (site / path[1:]).write_bytes(content("bin", size, numbers))
    shutil.copy(PROGRAMS / "page.js", site / "page.js")
    (site / "index.html").write_text(PAGE.format(
        paths=json.dumps(["/index.html", "/page.js", *images, *scripts, *styles, *data]),
        styles="\n".join(f'<link rel="stylesheet" href="{path}">' for path in styles),
        images="\n".join(f'<img src="{path}" width="20">' for path in images),
        paragraphs="\n".join(f'<p class="style-{number}">Style {number}</p>'
                             for number in range(STYLES)),
        scripts="\n".join(f'<script src="{path}"></script>' for path in scripts)))


def _png(number: int, numbers: random.Random) -> bytes:
    """20 pixels wide; up to 16 kB of noise."""
    width, height = 20, 20 + number * 8
    rows = b"".join(b"\0" + numbers.randbytes(width * 3) for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def _svg(number: int, _: random.Random) -> bytes:
    circles = "".join(f'<circle cx="{i % 20}" cy="{i % 17}" r="1"/>' for i in range(number * 20))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{circles}</svg>'
            .encode())


def _problems(site: Path, found: dict) -> list[str]:
    if "error" in found:
        return [found["error"]]
    problems = [f"{count} {what} work instead of {wanted}" for what, count, wanted in (
        ("images", found["images"], IMAGES), ("scripts", found["scripts"], SCRIPTS),
        ("styles", found["styled"], STYLES)) if count != wanted]
    for path in sorted(site.iterdir()):
        wanted = hashlib.sha256(path.read_bytes()).hexdigest()
        here = found["sums"].get(f"/{path.name}")
        if here != wanted:
            problems.append(f"/{path.name}: {here} instead of {wanted}")
    return problems


# ---- The browser, and who listens to it --------------------------------------------------------


class _Browser:
    """Headless Chromium, which ends after the screenshot."""

    def __init__(self, stage: Stage, program: str, url: str, picture: Path) -> None:
        self.log = stage.path("browser.log")
        home = stage.path("home")
        home.mkdir()
        # The budget is virtual time: it stands still while something is being loaded.
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                   "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                   "--disable-component-update", "--disable-sync", "--disable-breakpad",
                   "--disable-extensions", "--no-default-browser-check", "--no-proxy-server",
                   f"--user-data-dir={home}/profile", f"--screenshot={picture}",
                   "--window-size=900,700", "--virtual-time-budget=30000", url]
        environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
        with self.log.open("wb") as log:
            self.process = stage.popen(command, stdout=log, stderr=log, cwd=home, env=environment)

    def wait(self) -> None:
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"the browser did not end\n{self.last_words()}") from None

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-6:])


class _Collector:
    """Takes the page's report."""

    def __enter__(self) -> _Collector:
        self.reports: queue.Queue[dict] = queue.Queue()
        self.server = HTTPServer((HOST, 0), _handler(self.reports.put))
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def wait(self, browser: _Browser) -> dict:
        try:
            return self.reports.get(timeout=PATIENCE)
        except queue.Empty:
            raise Failure(f"the page reported nothing for {PATIENCE} s\n"
                          + browser.last_words()) from None


def _handler(take: Callable[[dict], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _version(program: str) -> str:
    """Such as "Chromium 156"."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    found = re.search(r"(Chromium|Google Chrome) \d+", said.stdout)
    return found[0] if found else "the browser"
