#!/usr/bin/env python3
"""What each usual mistake of a shop costs: `shop` without and with each of its fixes.

One process of the shop and its Postgres answer one page after the other to two visitors without
pauses. Counted is the CPU time of both per page, from /proc, and the median response time. The
variants alternate in rounds. The table goes into docs/shop.md with --write.

Exit codes: 0 done; 1 a run failed; 2 wrong usage, or a program is missing.
"""

import sys

sys.dont_write_bytecode = True  # no __pycache__ in the repository

import argparse
import contextlib
import csv
import json
import os
import statistics
import subprocess
import tempfile

from load import rotated
from measure import TICK_US, _stat_fields, process_tree
from server import BenchError, Missing, free_port, started

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "target", "release")
DOCUMENT = os.path.join(ROOT, "docs", "shop.md")
MARK = "bench-shop"
VISITORS = 2

PAGES = {
    "home": "/",
    "new products": "/new?category=@CATEGORY@",
    "best sellers": "/best-sellers",
    "product": "/products/${zipf(10000, 0.99)}",
    "search": "/search?q=teapot",
}

# Name, what it is called with, and the profile whose indexes the database has.
VARIANTS = [
    ("naive", [], "naive"),
    ("joins", ["joins"], "naive"),
    ("indexes", ["indexes"], "tuned"),
    ("read model", ["read-model"], "naive"),
    ("process cache", ["process-cache"], "naive"),
    ("cache headers, gateway in front", ["cache-headers"], "naive"),
    ("all, without caches", ["joins", "indexes", "read-model"], "tuned"),
    ("all, gateway in front", None, "tuned"),
]

GATEWAY = """
[admin]
listen = "127.0.0.1:@ADMIN@"
[listener.web]
listen = "127.0.0.1:@PORT@"
[[route]]
upstream = "shop"
cache = "pages"
[upstream.shop]
servers = ["127.0.0.1:@SHOP@"]
[cache.pages]
"""


def cpu_us(root):
    """CPU time of a process, its descendants, and those of them that have ended."""
    total = 0.0
    for pid in process_tree(root):
        with contextlib.suppress(OSError):
            total += sum(map(int, _stat_fields(pid)[11:15])) * TICK_US
    return total


@contextlib.contextmanager
def database(options, scratch):
    """A Postgres with the shop's data; (process, address)."""
    errors = open(os.path.join(scratch, "database.log"), "w")
    command = [options.tenfold, "demo", "--only-database", "--shop", options.shop]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        address = process.stdout.readline().strip()
        if not address:
            with open(errors.name) as log:
                raise BenchError("the database did not start", log.read())
        yield process, address
    finally:
        process.terminate()
        process.wait()
        errors.close()


TEST = """
target = "http://127.0.0.1:@PORT@"
[[phase]]
duration = "@SECONDS@s"
users = @VISITORS@
[[scenario]]
name = "page"
step = "@PATH@"
"""


def load(options, port, page, scratch):
    """Pages per run and their median response time in milliseconds."""
    file = os.path.join(scratch, "test.toml")
    text = TEST.replace("@PORT@", str(port)).replace("@PATH@", page)
    with open(file, "w") as test:
        test.write(text.replace("@SECONDS@", str(options.seconds)).replace(
            "@VISITORS@", str(VISITORS)))
    path = os.path.join(scratch, "results.json")
    done = subprocess.run([options.tenfold, "load", file, "--quiet", "--json", path],
                          capture_output=True, text=True)
    # Late starts do not matter in a closed model whose CPU time is what is read.
    if done.returncode not in (0, 3):
        raise BenchError(f"tenfold load of {page} failed", done.stdout + done.stderr)
    with open(path) as file:
        results = json.load(file)
    total = results["total"]
    if total["failed"]:
        raise BenchError(f"{page}: {total['failed']} requests failed", done.stdout)
    steps = os.path.join(scratch, "steps.csv")
    subprocess.run([options.tenfold, "load", "report", path, "--csv-steps", steps],
                   capture_output=True)
    with open(steps, newline="") as file:
        row = next(csv.DictReader(file))
    return total["done"], float(row["p50_ms"])


@contextlib.contextmanager
def serving(options, fixes, address, scratch):
    """The shop, with a gateway where pages may be kept; (port to ask, processes that count)."""
    port, admin, web = free_port(), free_port(), free_port()
    command = [options.shop, "serve", "--listen", f"127.0.0.1:{port}", "--database", address,
               "--no-worker"]
    if fixes is None:
        command += ["--profile", "tuned"]
    else:
        command += ["--profile", "naive"]
        command += ["--with", ",".join(fixes)] if fixes else []
    with started("shop", command, port, scratch) as shop:
        if fixes is not None and "cache-headers" not in fixes:
            yield port, [shop.pid]
            return
        path = os.path.join(scratch, "gateway.toml")
        with open(path, "w") as file:
            file.write(GATEWAY.replace("@ADMIN@", str(admin)).replace("@PORT@", str(web))
                       .replace("@SHOP@", str(port)))
        with started("gateway", [options.tenfold, "run", path], web, scratch) as gateway:
            yield web, [shop.pid, gateway.pid]


def measure(options):
    """{variant: {page: [(CPU ms per page, p50 in ms), …]}}"""
    runs = {name: {page: [] for page in PAGES} for name, _, _ in VARIANTS}
    with tempfile.TemporaryDirectory() as scratch, database(options, scratch) as (base, address):
        for number in range(options.rounds):
            for name, fixes, profile in rotated(VARIANTS, number):
                subprocess.run([options.shop, "migrate", "--profile", profile, "--database",
                                address], check=True, capture_output=True)
                with serving(options, fixes, address, scratch) as (port, pids):
                    for page, path in PAGES.items():
                        path = path.replace("@CATEGORY@", options.category)
                        load(options, port, path, scratch)  # connections, prepared statements
                        before = sum(map(cpu_us, [*pids, base.pid]))
                        pages, p50 = load(options, port, path, scratch)
                        used = sum(map(cpu_us, [*pids, base.pid])) - before
                        runs[name][page].append((used / pages / 1000, p50))
                        print(f"{name:32} {page:13} {used / pages / 1000:9.3f} ms CPU"
                              f"  p50 {p50:9.3f} ms", file=sys.stderr)
    return runs


def number(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def table(runs):
    lines = ["| | " + " | ".join(PAGES) + " |", "|---|" + "---|" * len(PAGES)]
    for name, pages in runs.items():
        cells = []
        for figures in pages.values():
            cpu, p50 = (statistics.median(values) for values in zip(*figures, strict=True))
            cells.append(f"{number(cpu)} / {number(p50)}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def renew(text):
    with open(DOCUMENT, encoding="utf-8") as file:
        document = file.read()
    begin, end = f"<!-- {MARK} -->", f"<!-- /{MARK} -->"
    before, rest = document.split(begin)
    after = rest.split(end)[1]
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    parser = argparse.ArgumentParser(description="Measure what each mistake of a shop costs.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--category", default="kitchen", help="slug of a department")
    parser.add_argument("--tenfold", default=os.path.join(RELEASE, "tenfold"))
    parser.add_argument("--shop", default=os.path.join(RELEASE, "shop"))
    parser.add_argument("--write", action="store_true", help="renew docs/shop.md")
    options = parser.parse_args()
    for program in (options.tenfold, options.shop):
        if not os.access(program, os.X_OK):
            raise Missing(f"{program} is not built: cargo build --release")
    text = table(measure(options))
    print(text)
    if options.write:
        renew(text)


if __name__ == "__main__":
    try:
        main()
    except Missing as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except BenchError as error:
        print(f"{error}\n{error.detail}", file=sys.stderr)
        sys.exit(1)
