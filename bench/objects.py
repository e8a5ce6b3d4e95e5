#!/usr/bin/env python3
"""What a cached object costs in memory besides its bytes.

Fills the gateway's cache with many different objects of 1 KiB, and divides what the
process has grown by their number. Exit codes: as run.py.
"""

import sys

sys.dont_write_bytecode = True  # no __pycache__ in the repository

import argparse
import contextlib
import dataclasses
import http.client
import os
import time

import run as bench
from cache_peers import TenfoldCache
from measure import resident_kib, run_wrk
from scenarios import BY_NAME
from server import BenchError, Missing, origin_requests

FILLING = dataclasses.replace(BY_NAME["cache-zipf-64"], lua="objects.lua")
BODY = FILLING.response_bytes
SECONDS, SESSIONS = 30, 20
# After so long what the last requests had borrowed has been given back.
SETTLE_SECONDS = 2
# Field lines that a cache makes anew for each answer: they are not stored.
MADE = ("age", "cache-status", "via", "content-length")


class Roomy(TenfoldCache):
    """With room for everything."""
    more = ("--cache=8GiB",)


def parse_options(arguments):
    parser = argparse.ArgumentParser(prog="bench/objects.py",
                                     description="What a cached object costs in memory.")
    parser.add_argument("--objects", type=int, default=1_000_000, help="(1,000,000)")
    parser.add_argument("--tenfold", metavar="PATH", help="the tenfold binary")
    parser.add_argument("--origin", metavar="PATH", help="the tenfold-origin binary")
    options = parser.parse_args(arguments)
    options.origin_address, options.no_pin, options.peers = None, False, ["tenfold-cache"]
    return options


def ask(port, path):
    """(field lines, body) of an answer."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as one:
        one.request("GET", path)
        response = one.getresponse()
        return response.getheaders(), response.read()


def fill(proxy, origin, options):
    """Stores the objects, and returns how many there are."""
    os.environ["OBJECTS"] = str(options.objects)
    begun = origin_requests(origin)
    for _ in range(SESSIONS):
        run_wrk(FILLING, proxy.port, SECONDS, options.load_cpu)
        stored = origin_requests(origin) - begun
        bench.say(f"  {stored:,} objects")
        if stored >= options.objects:
            return stored
    raise BenchError("the cache does not fill")


def measure(options):
    """Per object: bytes that the process grew by, and bytes of its field lines."""
    [peer] = bench.choose_programs(options)
    bench.choose_cpus(options)
    with bench.origin_server(options) as origin, \
            Roomy(peer.program).running(origin, options.proxy_cpu) as proxy:
        # The buffers of 64 connections belong to every load, cached or not.
        run_wrk(dataclasses.replace(BY_NAME["get-1k-64"], path="/1k"), proxy.port, 2,
                options.load_cpu)
        before = resident_kib(proxy.pid)
        stored = fill(proxy, origin, options)
        time.sleep(SETTLE_SECONDS)
        grown = (resident_kib(proxy.pid) - before) * 1024
        asked = origin_requests(origin)
        # The first one and the last one, and some between: all are there.
        for number in range(1, options.objects + 1, max(options.objects // 100, 1)):
            fields, body = ask(proxy.port, f"/cached/{number}")
            if len(body) != BODY or not body.endswith(str(number).encode()):
                raise BenchError(f"object {number} is not what it was")
        if origin_requests(origin) != asked:
            raise BenchError("objects were evicted")
        lines = sum(len(name) + len(value) + len(": \r\n") for name, value in fields
                    if name.lower() not in MADE)
        return stored, grown / stored, lines


def main():
    options = parse_options(sys.argv[1:])
    try:
        stored, grown, lines = measure(options)
    except Missing as missing:
        print(f"objects: missing: {missing}; build with cargo build --release", file=sys.stderr)
        return 2
    except BenchError as error:
        print(f"objects: {error}\n{error.detail}".strip(), file=sys.stderr)
        return 1
    bench.say(f"{stored:,} objects, in bytes of memory for each: {grown:.0f}, "
              f"of which body {BODY}, field lines {lines}, rest {grown - BODY - lines:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
