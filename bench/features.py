#!/usr/bin/env python3
"""What each feature of the balancer costs: Tenfold with it next to Tenfold without.

In every round each variant has one run of the same load (GET of 1 KiB over 64
connections), and after each few the plain variant (`tenfold run --to`) has one. What is
reported is the quotient to the mean of the plain runs before and after, so that a machine
which changes its speed meanwhile changes it for both. See README.md.
Exit codes: as run.py.
"""

import sys

sys.dont_write_bytecode = True  # no __pycache__ in the repository

import argparse
import contextlib
import dataclasses
import datetime
import http.client
import json
import os
import tempfile

import load
import machine
import report
import run as bench
from feature_configs import FEATURES, PLAIN
from peers import Tenfold, origin_command
from scenarios import BY_NAME
from server import BenchError, Missing, find_program, free_port, started

# So many variants stand between two runs of the plain one.
BETWEEN = 3
SCENARIO = BY_NAME["get-1k-64"]
DOCUMENT = os.path.join(os.path.dirname(bench.BENCH), "docs", "performance.md")
BEGIN, END = "<!-- features: written by bench/features.py -->", "<!-- /features -->"


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        prog="bench/features.py", description="What each feature of the balancer costs.")
    names = [feature.name for feature in FEATURES]
    parser.add_argument("--rounds", type=int, default=7, help="runs of each variant (7)")
    parser.add_argument("--seconds", type=int, default=3, help="length of a run (3)")
    parser.add_argument("--feature", nargs="+", metavar="NAME", choices=names,
                        help="only these (and plain): " + ", ".join(names))
    parser.add_argument("--before", metavar="PATH",
                        help="another binary, run like the plain variant: an older one")
    parser.add_argument("--tenfold", metavar="PATH", help="the tenfold binary")
    parser.add_argument("--origin", metavar="PATH", help="the tenfold-origin binary")
    parser.add_argument("--no-pin", action="store_true", help="do not bind processes to CPUs")
    parser.add_argument("--out", metavar="FILE", help="the results as JSON; runs that are in "
                        "it already are kept, so that a long session can be split")
    parser.add_argument("--write", action="store_true",
                        help="write the table into docs/performance.md")
    options = parser.parse_args(arguments)
    options.origin_address = None
    return options


class Variant(Tenfold):
    """Tenfold with a feature."""

    def __init__(self, feature, program):
        super().__init__(program)
        self.name, self.feature = feature.name, feature

    def arguments(self, directory, port, origin):
        if self.feature.config is None:
            return super().arguments(directory, port, origin)
        origin_port = origin.rpartition(":")[2]
        words = {"@PORT@": str(port), "@ADMIN@": str(free_port()), "@DIR@": directory,
                 "@ORIGIN@": origin_port}
        text = self.feature.config()
        for word, value in words.items():
            text = text.replace(word, value)
        path = os.path.join(directory, "tenfold.toml")
        with open(path, "w") as file:
            file.write(text)
        return ["run", path]


def variants(options):
    """The plain one first, then what was asked for."""
    program = options.tenfold or os.path.join(bench.RELEASE, "tenfold")
    options.origin = options.origin or os.path.join(bench.RELEASE, "tenfold-origin")
    needed = [program, options.origin, *([options.before] if options.before else [])]
    missing = [os.path.basename(path) for path in needed if not os.access(path, os.X_OK)]
    if find_program("wrk") is None:
        missing.append("wrk")
    if missing:
        raise Missing(", ".join(missing))
    chosen = [feature for feature in FEATURES
              if not options.feature or feature.name in options.feature]
    found = [Variant(PLAIN, program)] + [Variant(feature, program) for feature in chosen]
    if options.before:
        before = dataclasses.replace(PLAIN, name="before")
        found.insert(1, Variant(before, options.before))
    return found


@contextlib.contextmanager
def origin_on_all_addresses(options):
    """One origin that can be three servers: it listens on 127.0.0.1, .2 and .3."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tenfold-bench-") as directory:
        command = origin_command(options.origin, port)
        command[-1] = f"0.0.0.0:{port}"
        with started("tenfold-origin", command, port, directory, options.load_cpu):
            yield f"127.0.0.1:{port}"


def scenario_of(variant, origin, options):
    """The load, with what clients of the feature send."""
    headers = variant.feature.headers
    if variant.feature.keeps_cookie:
        with variant.running(origin, options.proxy_cpu) as proxy:
            headers += (f"Cookie: {first_cookie(proxy.port)}",)
    return dataclasses.replace(SCENARIO, headers=headers)


def first_cookie(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", SCENARIO.path)
        cookie = connection.getresponse().getheader("Set-Cookie")
    finally:
        connection.close()
    if cookie is None:
        raise BenchError("no cookie was set")
    return cookie.partition(";")[0]


def measure(found, options):
    runs = []
    plain, others = found[0], found[1:]
    with origin_on_all_addresses(options) as origin:
        loads = {variant.name: scenario_of(variant, origin, options) for variant in found}

        def run(variant, number):
            made = load.one_run(loads[variant.name], variant, origin, options)
            runs.append(made | {"round": number + 1})
            bench.say(load.line(runs[-1]))

        for number in range(options.rounds):
            for place, variant in enumerate(load.rotated(others, number * BETWEEN)):
                if place % BETWEEN == 0:
                    run(plain, number)
                run(variant, number)
            run(plain, number)
    return runs


def references(runs):
    """For each run the mean of the plain runs next to it, of its own round."""
    for place, run in enumerate(runs):
        near = [next((other["cpu_us_per_request"] for other in side
                      if other["peer"] == PLAIN.name and other["round"] == run["round"]
                      and other["valid"]), None)
                for side in (reversed(runs[:place]), runs[place + 1:])]
        near = [one for one in near if one is not None]
        yield sum(near) / len(near) if near else None


def figures(runs):
    """{variant: (µs, ratio to plain)}, as spreads."""
    us, ratios = {}, {}
    for run, reference in zip(runs, references(runs)):
        if run["valid"]:
            us.setdefault(run["peer"], []).append(run["cpu_us_per_request"])
            if reference:
                ratio = run["cpu_us_per_request"] / reference
                ratios.setdefault(run["peer"], []).append(ratio)
    return {name: (report.spread(us[name]), report.spread(ratios.get(name, [])))
            for name in us}


def table(results):
    found = figures(results["runs"])
    plain = found[PLAIN.name][0]["median"]
    titles = {PLAIN.name: PLAIN.title, "before": "an older engine, without a balancer"}
    titles |= {feature.name: feature.title for feature in FEATURES}
    rows = [["", "CPU µs/request", "against plain", "range", "µs more"]]
    for name in titles:
        if name not in found:
            continue
        us, ratio = found[name]
        if name == PLAIN.name:
            rows.append([titles[name], f"{us['median']:.2f}", "", "", ""])
            continue
        percent = [100 * (ratio[key] - 1) for key in ("median", "min", "max")]
        rows.append([titles[name], f"{us['median']:.2f}", f"{percent[0]:+.1f} %",
                     f"{percent[1]:+.1f} to {percent[2]:+.1f} %",
                     f"{(ratio['median'] - 1) * plain:+.2f}"])
    return rows


def write_document(results):
    with open(DOCUMENT) as file:
        text = file.read()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    about = (f"{SCENARIO.title}, medians of {results['rounds']} rounds of "
             f"{results['seconds']} s, {results['machine']['cpu']}, "
             f"{results['machine']['cores']} cores, {results['date_utc'][:10]}.")
    body = f"\n{about}\n\n{report.as_markdown(table(results))}\n"
    with open(DOCUMENT, "w") as file:
        file.write(text[:start] + body + text[end:])


def collect(runs, options):
    """The results with these runs, added to those that the file has already."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat("T", "seconds")
    results = {"date_utc": now, "machine": machine.describe(), "seconds": options.seconds,
               "runs": []}
    if options.out and os.path.exists(options.out):
        with open(options.out) as file:
            results = json.load(file)
    # Rounds of several sessions must not be compared with each other.
    last = max((run["round"] for run in results["runs"]), default=0)
    results["runs"] += [run | {"round": run["round"] + last} for run in runs]
    results["rounds"] = last + options.rounds
    if options.out:
        with open(options.out, "w") as file:
            file.write(json.dumps(results, indent=1) + "\n")
    return results


def main():
    options = parse_options(sys.argv[1:])
    try:
        found = variants(options)
        bench.choose_cpus(options)
        results = collect(measure(found, options), options)
    except Missing as missing:
        print(f"features: missing: {missing}; build with cargo build --release",
              file=sys.stderr)
        return 2
    except BenchError as error:
        print(f"features: {error}\n{error.detail}".strip(), file=sys.stderr)
        return 1
    bench.say("\n" + report.as_text(table(results)))
    if options.write:
        write_document(results)
    invalid = [run for run in results["runs"] if not run["valid"]]
    for run in invalid:
        print(f"features: INVALID: {run['peer']}: {', '.join(run['problems'])}", file=sys.stderr)
    return 1 if invalid else 0


if __name__ == "__main__":
    sys.exit(main())
