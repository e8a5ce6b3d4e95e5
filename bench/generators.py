#!/usr/bin/env python3
"""Compares load generators: requests per CPU second against one fast origin.

Each makes as many requests as it can over 64 connections with one thread, all of its
accounting switched on, bound to one CPU; the origin has the other. Generators alternate
in rounds. CPU time is that of the whole process (wait4), so that starting and reporting
count as well.

Exit codes: 0 done; 1 a run failed; 2 wrong usage, or a program is missing.
"""

import sys

sys.dont_write_bytecode = True  # no __pycache__ in the repository

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile

from load import rotated
from server import BenchError, Missing, find_program, free_port, pinned, started

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "target", "release")
DOCUMENT = os.path.join(ROOT, "docs", "load.md")
MARK = "bench-generators"
CONNECTIONS = 64


class Generator:
    """A program, how it is called, and how its number of requests is read."""

    def __init__(self, name, program, arguments, requests):
        self.name, self.program = name, program
        self.arguments, self.requests = arguments, requests


def _pattern(pattern):
    def read(text, _):
        found = re.search(pattern, text)
        if not found:
            raise BenchError("its output has no number of requests", text[-500:])
        return int(found[1].replace(",", ""))
    return read


def _results(_, path):
    with open(path, encoding="utf-8") as file:
        total = json.load(file)["total"]
    if total["failed"]:
        raise BenchError(f"{total['failed']} requests failed")
    return total["done"]


def _hey(text, _):
    return sum(int(count) for count in re.findall(r"\[200\]\s+(\d+) responses", text))


def generators(tenfold):
    """All of them, Tenfold first."""
    return [
        Generator("tenfold load", tenfold, lambda url, seconds, path: [
            "load", url, "--users", str(CONNECTIONS), "--duration", f"{seconds}s",
            "--threads", "1", "--quiet", "--json", path], _results),
        Generator("wrk", find_program("wrk"), lambda url, seconds, _: [
            "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", url],
            _pattern(r"(\d+) requests in")),
        Generator("h2load (HTTP/1.1)", find_program("h2load"), lambda url, seconds, _: [
            "--h1", "-t1", f"-c{CONNECTIONS}", f"-D{seconds}", url],
            _pattern(r"requests: (\d+) total")),
        Generator("oha", find_program("oha"), lambda url, seconds, _: [
            "--no-tui", "-c", str(CONNECTIONS), "-z", f"{seconds}s", "--output-format", "json", url],
            lambda text, _: sum(json.loads(text)["statusCodeDistribution"].values())),
        Generator("hey", find_program("hey"), lambda url, seconds, _: [
            "-c", str(CONNECTIONS), "-cpus", "1", "-z", f"{seconds}s", url], _hey),
    ]


def one_run(generator, url, seconds, cpu, scratch):
    """Requests per CPU second."""
    path = os.path.join(scratch, "results.json")
    command = pinned([generator.program, *generator.arguments(url, seconds, path)], cpu)
    # One worker thread for programs that ask how many cores there are.
    environment = os.environ | {"TOKIO_WORKER_THREADS": "1", "GOMAXPROCS": "1"}
    with open(os.path.join(scratch, "output"), "w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    # 3: the generator was the limit, which is what this is about.
    if process.returncode not in (0, 3):
        raise BenchError(f"{generator.name} ended with {process.returncode}", text[-500:])
    requests = generator.requests(text, path)
    cpu_seconds = used.ru_utime + used.ru_stime
    return requests / cpu_seconds


def table(results, seconds, rounds):
    """Median, lowest and highest of each, and as a multiple of each other one."""
    lines = [f"{rounds} rounds of {seconds} s; {CONNECTIONS} connections, one thread, bound to one CPU.", "",
             "| | requests per CPU second | lowest to highest | of wrk's |",
             "|---|---|---|---|"]
    wrk = statistics.median(results["wrk"]) if results.get("wrk") else None
    for name, rates in results.items():
        median = statistics.median(rates)
        share = f"{median / wrk:.2f}" if wrk else ""
        lines.append(f"| {name} | {median:,.0f} | {min(rates):,.0f} to {max(rates):,.0f} | {share} |")
    return "\n".join(lines)


def renew(text):
    """Puts the table into the document."""
    with open(DOCUMENT, encoding="utf-8") as file:
        document = file.read()
    begin, end = f"<!-- {MARK} -->", f"<!-- /{MARK} -->"
    before, rest = document.split(begin)
    after = rest.split(end)[1]
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    parser = argparse.ArgumentParser(description="Compare load generators.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--tenfold", default=os.path.join(RELEASE, "tenfold"))
    parser.add_argument("--origin", default=os.path.join(RELEASE, "tenfold-origin"))
    parser.add_argument("--write", action="store_true", help="renew docs/load.md")
    options = parser.parse_args()
    known = generators(options.tenfold)
    for generator in known:
        if not generator.program:
            note = " (cargo install oha)" if generator.name == "oha" else ""
            print(f"{generator.name} is not installed{note}: left out", file=sys.stderr)
    known = [generator for generator in known if generator.program]
    results = {generator.name: [] for generator in known}
    port = free_port()
    origin = [options.origin, "--listen", f"127.0.0.1:{port}"]
    cpus = sorted(os.sched_getaffinity(0))
    generator_cpu, origin_cpu = (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)
    with tempfile.TemporaryDirectory() as scratch, started(
            "origin", origin, port, scratch, origin_cpu):
        url = f"http://127.0.0.1:{port}/1k"
        for number in range(options.rounds):
            for generator in rotated(known, number):
                rate = one_run(generator, url, options.seconds, generator_cpu, scratch)
                results[generator.name].append(rate)
                print(f"{generator.name:20} {rate:10,.0f} per CPU second", file=sys.stderr)
    text = table(results, options.seconds, options.rounds)
    print(text)
    if options.write:
        renew(text)


if __name__ == "__main__":
    try:
        main()
    except Missing as error:
        sys.exit(f"{error}")
    except BenchError as error:
        print(f"{error}\n{error.detail}", file=sys.stderr)
        sys.exit(1)
