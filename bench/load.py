"""The load part: every scenario, in rounds, with the proxies in alternation."""

import dataclasses
import os
import time

from measure import TICK_US, cpu_time, run_wrk, stolen_ticks
from server import BenchError, answer_problem, origin_requests

WARM_UP_SECONDS = 1
# A cache is filled by runs of this length, at most so many.
FILLING_SECONDS, FILLINGS = 4, 8
# A proxy that was kept off its CPU by others for more than this part of a run shares its
# caches with them, and works in larger batches: its figures are of no use.
MOST_WAITED_PERCENT = 10
# So many of a thousand requests may reach the origin in a run that is to measure hits.
MISSES_PER_MILLE = 1


def rotated(items, by):
    """Each round starts with another peer, so that none is always first."""
    by %= len(items)
    return items[by:] + items[:by]


def run_load(scenarios, peers, origin, options, say):
    """All runs, as a list of dictionaries in the order they were made."""
    runs = []
    for scenario in scenarios:
        say(f"\n{scenario.name}: {scenario.title}")
        for round_number in range(options.rounds):
            for peer in rotated(peers, round_number):
                try:
                    run = one_run(scenario, peer, origin, options)
                except BenchError as error:
                    # One failure must not cost the runs made so far.
                    say(error.detail)
                    run = {"scenario": scenario.name, "peer": peer.name,
                           "valid": False, "problems": [str(error)]}
                runs.append(run | {"round": round_number + 1})
                say(line(runs[-1]))
    return runs


def one_run(scenario, peer, origin, options):
    """One run: a fresh proxy, a warm-up, and the measured load."""
    with peer.running(origin, options.proxy_cpu) as proxy:
        problem = answer_problem(proxy.port, scenario)
        problems = [problem] if problem else []
        fill(scenario, proxy, origin, options)
        warm_up = run_wrk(scenario, proxy.port, WARM_UP_SECONDS, options.load_cpu)
        problems += [f"warm-up: {text}" for text in warm_up.problems()]

        asked = origin_requests(origin) if scenario.stored else 0
        stolen, began, before = stolen_ticks(), time.monotonic(), cpu_time(proxy.pid)
        wrk = run_wrk(scenario, proxy.port, options.seconds, options.load_cpu)
        after, elapsed = cpu_time(proxy.pid), time.monotonic() - began
        stolen = stolen_ticks() - stolen
        misses = origin_requests(origin) - asked if scenario.stored else None

    problems += wrk.problems()
    if misses and misses * 1000 > wrk.requests * MISSES_PER_MILLE:
        problems.append(f"{misses:,} of {wrk.requests:,} requests were no cache hits")
    if before.pids != after.pids:
        problems.append("the proxy's processes changed during the run")
    used = _cpu_figures(after.since(before), wrk.requests, elapsed)
    waited = used["proxy_waited_percent"] or 0
    if waited > MOST_WAITED_PERCENT and not peer.waits_for_itself:
        problems.append(f"other work kept it off its CPU for {waited:.0f} % of the time")
    return {
        "scenario": scenario.name, "peer": peer.name,
        "valid": not problems, "problems": problems,
        **used,
        **dataclasses.asdict(wrk),
        # Requests that reached the origin, where none should.
        "misses": misses,
        # Hints at a disturbed run: other work on this machine, and CPU time
        # that the hypervisor gave away.
        "load_average": round(os.getloadavg()[0], 2),
        "stolen_percent": round(stolen * TICK_US / 1e4 / elapsed, 2),
    }


def fill(scenario, proxy, origin, options):
    """Lets a cache store what the scenario asks for."""
    if not scenario.filling:
        return
    if answer_problem(proxy.port, scenario):
        raise BenchError("the cache does not answer")
    # The first object has been stored by that.
    begun = origin_requests(origin) - 1
    script = dataclasses.replace(scenario, lua=scenario.filling)
    for _ in range(FILLINGS):
        run_wrk(script, proxy.port, FILLING_SECONDS, options.load_cpu)
        if origin_requests(origin) - begun >= scenario.stored:
            return
    raise BenchError("the cache does not fill")


def _cpu_figures(used, requests, elapsed):
    def per_request(microseconds):
        if microseconds is None or not requests:
            return None
        return round(microseconds / requests, 3)

    total = used.user_us + used.system_us
    return {
        "cpu_us_per_request": per_request(total),
        "cpu_user_us_per_request": per_request(used.user_us),
        "cpu_system_us_per_request": per_request(used.system_us),
        "cpu_schedstat_us_per_request": per_request(used.schedstat_us),
        # How much of one CPU the proxy used: near 100 it is the bottleneck,
        # below that wrk or the origin is.
        "proxy_busy_percent": round(total / 1e4 / elapsed, 1),
        # How long it was kept off its CPU by other processes: on a quiet
        # machine, with pinning, close to nothing.
        "proxy_waited_percent": None if used.waited_us is None
                                else round(used.waited_us / 1e4 / elapsed, 2),
    }


def line(run):
    text = f"  round {run['round']}  {run['peer']:<13}"
    if run.get("requests"):
        text += (f"{run['cpu_us_per_request']:9.2f} CPU µs/request"
                 f"{run['requests_per_second']:11,.0f} requests/s")
    return text + "".join(f"\n  !! INVALID: {text}" for text in run["problems"])
