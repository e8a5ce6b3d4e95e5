#!/usr/bin/env python3
"""Compares Tenfold with nginx and HAProxy, and as a cache with Varnish too. See README.md
in this directory.

Exit codes: 0 all runs valid; 1 a run was invalid, or the benchmark failed;
2 wrong usage, or a program is missing; 128 + N ended by signal N.
"""

import sys

sys.dont_write_bytecode = True  # no __pycache__ in the repository

import argparse
import contextlib
import datetime
import os
import signal
import tempfile

import idle
import load
import machine
import report
from cache_peers import CACHE_PEERS, USUAL_CACHES
from peers import PEERS, USUAL, origin_command
from scenarios import BY_NAME, CACHE_SCENARIOS, SCENARIOS
from server import BenchError, Missing, answer_problem, find_program, free_port, started

ALL_PEERS = PEERS | CACHE_PEERS
BENCH = os.path.dirname(os.path.abspath(__file__))
RELEASE = os.path.join(os.path.dirname(BENCH), "target", "release")


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        prog="bench/run.py", description="Compare Tenfold with nginx and HAProxy.")
    parser.add_argument("--quick", action="store_true",
                        help="3 rounds of 3 s, to see that all works")
    parser.add_argument("--cache", action="store_true",
                        help="compare caches: nginx, HAProxy, Varnish, Tenfold")
    parser.add_argument("--rounds", type=_positive, help="rounds per scenario (7)")
    parser.add_argument("--seconds", type=_positive, help="length of a run (6)")
    parser.add_argument("--scenario", nargs="+", metavar="NAME", choices=BY_NAME,
                        help="only these: " + ", ".join(BY_NAME))
    parser.add_argument("--peers", type=_peer_names,
                        help="comma-separated: " + ", ".join(ALL_PEERS)
                        + " (those called bare add no headers)")
    parser.add_argument("--tenfold", metavar="PATH", help="the tenfold binary")
    parser.add_argument("--origin", metavar="PATH", help="the tenfold-origin binary")
    parser.add_argument("--origin-address", metavar="HOST:PORT", type=_address,
                        help="use an origin that runs already")
    parser.add_argument("--no-idle", action="store_true",
                        help="leave out the memory of idle connections")
    parser.add_argument("--no-pin", action="store_true",
                        help="do not bind processes to CPUs")
    parser.add_argument("--add", metavar="FILE",
                        help="add the runs to these results (JSON), of the same settings")
    parser.add_argument("--out", metavar="DIR", default=os.path.join(BENCH, "results"),
                        help="where the results go (bench/results)")
    options = parser.parse_args(arguments)
    cached, plain = (tuple(one.name for one in group)
                     for group in (CACHE_SCENARIOS, SCENARIOS))
    options.scenario = options.scenario or (cached if options.cache else plain)
    options.peers = options.peers or (USUAL_CACHES if options.cache else USUAL)
    options.no_idle = options.no_idle or options.cache
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (3 if options.quick else 6)
    return options


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _peer_names(text):
    names = list(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in ALL_PEERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown peer: {', '.join(unknown)}")
    return names


def _address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError("must be HOST:PORT")
    return text


def choose_programs(options):
    """The peers, ready to be started; raises Missing for what is not there."""
    given = options.tenfold or os.path.join(RELEASE, "tenfold")
    peers = [ALL_PEERS[name](given if name.startswith("tenfold") else None)
             for name in options.peers]
    missing = [peer.name for peer in peers if not peer.installed()]
    if find_program("wrk") is None:
        missing.append("wrk")
    if options.origin_address is None:
        options.origin = options.origin or os.path.join(RELEASE, "tenfold-origin")
        if not os.access(options.origin, os.X_OK):
            missing.append("tenfold-origin")
    if missing:
        raise Missing(", ".join(missing))
    return peers


def choose_cpus(options):
    """Sets the CPUs of the proxies and of the load; returns a description."""
    allowed = sorted(os.sched_getaffinity(0))
    options.proxy_cpu = options.load_cpu = None
    if options.no_pin or len(allowed) < 2 or find_program("taskset") is None:
        return "processes not bound to CPUs"
    options.proxy_cpu, options.load_cpu = allowed[:2]
    what = "wrk" if options.origin_address else "wrk and the origin"
    return f"proxies on CPU {options.proxy_cpu}, {what} on CPU {options.load_cpu}"


@contextlib.contextmanager
def origin_server(options):
    """The address of the origin, which runs for the length of the block."""
    if options.origin_address:
        yield options.origin_address
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tenfold-bench-") as directory:
        command = origin_command(options.origin, port)
        with started("tenfold-origin", command, port, directory, options.load_cpu):
            yield f"127.0.0.1:{port}"


def check_origin(origin, scenarios):
    """Nothing can be measured in front of an origin that answers wrongly."""
    host, _, port = origin.rpartition(":")
    for scenario in scenarios:
        problem = answer_problem(int(port), scenario, host)
        if problem:
            raise BenchError(f"the origin: {problem}")


def check_peers(peers, origin, options):
    """Find out now, not after minutes, that a proxy does not start."""
    for peer in peers:
        with peer.running(origin, options.proxy_cpu):
            pass


def benchmark(options):
    """Everything: returns the results as they are written to the JSON file."""
    peers = choose_programs(options)
    scenarios = [BY_NAME[name] for name in options.scenario]
    if idle.raise_file_limit() < idle.CONNECTIONS + idle.SPARE_FILES and not options.no_idle:
        raise BenchError("the limit on open files is too low for 10,000 connections; "
                         "raise it (ulimit -n) or use --no-idle")
    pinning = choose_cpus(options)
    results = {
        "format": 1,
        "date_utc": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "versions": machine.versions(peers),
        "settings": {
            "rounds": options.rounds, "seconds": options.seconds,
            "warm_up_seconds": load.WARM_UP_SECONDS, "pinning": pinning,
            "origin": "given by --origin-address" if options.origin_address
                      else "tenfold-origin",
            "scenarios": {scenario.name: scenario.title for scenario in scenarios},
            "configurations": {peer.name: peer.settings() for peer in peers},
        },
        "runs": [], "idle": [],
    }
    with origin_server(options) as origin:
        check_origin(origin, scenarios)
        check_peers(peers, origin, options)
        results["runs"] = load.run_load(scenarios, peers, origin, options, say)
        if not options.no_idle:
            say(f"\nidle: {idle.CONNECTIONS:,} keep-alive connections")
            for peer in peers:
                say(f"  {peer.name}")
                results["idle"].append(idle.run_idle(peer, origin, options))
    results["summary"] = report.summarise(results["runs"])
    results["valid"] = not report.problems(results)
    return results


def say(text):
    print(text, flush=True)


def main():
    # Being ended by a signal must run the clean-up, as Ctrl-C does.
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    options = parse_options(sys.argv[1:])
    try:
        results = benchmark(options)
    except Missing as missing:
        print(f"bench: missing: {missing}; run scripts/setup, and build with "
              "cargo build --release", file=sys.stderr)
        return 2
    except BenchError as error:
        print(f"bench: {error}\n{error.detail}".strip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbench: interrupted, nothing was written", file=sys.stderr)
        return 130
    if options.add:
        results = report.joined(options.add, results)
    kind = machine.kind(results["machine"]) + ("-cache" if options.cache else "")
    base = report.write(results, options.out, kind, options.add)
    say("\n" + report.terminal(results))
    say(f"\nWritten: {os.path.join(os.path.relpath(options.out), base)}.json and .md")
    if not results["valid"]:
        print("bench: INVALID: not every run was clean, see above", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
