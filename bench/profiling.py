#!/usr/bin/env python3
"""Where Tenfold's CPU time goes: `perf` while wrk drives it, as three short tables.

Needs perf (scripts/setup --bench) and the right to use it. Shares, not times: the
sampling itself costs some.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile

import load
import run as bench
from measure import run_wrk
from peers import Tenfold
from scenarios import BY_NAME
from server import BenchError, Missing, find_program

SECONDS = 5
FREQUENCY = 2000


def record(proxy, scenario, options, path):
    """Samples the proxy while it is driven; leaves them in the file at `path`."""
    run_wrk(scenario, proxy.port, load.WARM_UP_SECONDS, options.load_cpu)
    perf = subprocess.Popen(
        ["perf", "record", "-g", "-F", str(FREQUENCY), "-p", str(proxy.pid), "-o", path],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wrk = run_wrk(scenario, proxy.port, SECONDS, options.load_cpu)
    perf.send_signal(signal.SIGINT)
    perf.wait()
    if wrk.problems():
        raise BenchError("; ".join(wrk.problems()))
    return wrk


def shares(path, *arguments):
    """[(percent, name)] of a perf report."""
    output = subprocess.run(
        ["perf", "report", "-i", path, "-g", "none", "--stdio", *arguments],
        capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^\s+([\d.]+)%(?:\s+[\d.]+%)?\s+(?:\[[.k]\]\s+)?(.+?)\s*$", output, re.M)
    return [(float(percent), re.sub(r"\s+-\s+-$", "", name)) for percent, name in rows]


def table(title, rows, most):
    bench.say(f"\n{title}")
    for percent, name in rows[:most]:
        bench.say(f"  {percent:6.2f} %  {name}")


def main():
    options = bench.parse_options(sys.argv[1:])
    scenario = BY_NAME[(options.scenario or ["get-1k-64"])[0]]
    if find_program("perf") is None:
        raise Missing("perf is not installed; run scripts/setup --bench")
    options.peers = ["tenfold-cache" if scenario.stored else "tenfold"]
    [peer] = bench.choose_programs(options)
    bench.choose_cpus(options)
    with tempfile.TemporaryDirectory(prefix="tenfold-bench-") as directory, \
            bench.origin_server(options) as origin, \
            peer.running(origin, options.proxy_cpu) as proxy:
        assert isinstance(peer, Tenfold)
        load.fill(scenario, proxy, origin, options)
        path = os.path.join(directory, "perf.data")
        wrk = record(proxy, scenario, options, path)
        bench.say(f"{scenario.title}: {wrk.requests:,} requests in {SECONDS} s, sampled")
        table("By part", shares(path, "--no-children", "--sort", "dso"), 5)
        calls = [row for row in shares(path, "--children", "--sort", "symbol")
                 if row[1].startswith("__x64_sys_")]
        table("System calls, with all the kernel does in them", calls, 8)
        own = shares(path, "--no-children", "--sort", "symbol", "--dso", "tenfold")
        table("The program itself, by function", own, 20)


if __name__ == "__main__":
    try:
        main()
    except Missing as missing:
        sys.exit(f"{missing}")
    except BenchError as error:
        sys.exit(f"{error} {error.detail}")
