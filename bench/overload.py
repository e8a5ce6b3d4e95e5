"""Overload: 1, 2, 5 and 10 times what an origin can do, through Tenfold, nginx and HAProxy (`make bench-overload`).

The origin has 8 workers, each of which takes 10 ms for a request. Requests come in an open model, at times that are fixed
beforehand: a tenth of them are critical, the others bulk. Measured are good answers per second as a share of what
the origin can do, and how long those took that were answered, from when they were to be sent.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys

import machine
from peers import HAProxy, Nginx, Peer
from server import BenchError, Missing, free_port, pinned, started

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FACTORS = (1, 2, 5, 10)
WORKERS = 8
MILLIS = 10
CRITICAL_PERCENT = 10
# Of a capacity of 800 at 10 × load critical requests alone would be 800: at the rate below they stay at a
# tenth of the capacity, whatever is offered, as payments do when a crawler comes.
CRITICAL_OF_CAPACITY = 0.1
BEGIN, END = "<!-- bench-overload -->", "<!-- /bench-overload -->"

TENFOLD = """[gateway]
workers = 1
[admin]
listen = "127.0.0.1:{admin}"
[listener.web]
listen = "127.0.0.1:{port}"
[[route]]
upstream = "app"
priority = "bulk"
priority_header = {{ name = "X-Priority", from = "anyone" }}
[upstream.app]
servers = ["{origin}"]
concurrency = {{ limit = {limit}, queue = 1000 }}
"""


class Tenfold(Peer):
    def __init__(self, program, name, limit):
        self.name = name
        self.limit = limit
        super().__init__(program)

    def settings(self):
        return TENFOLD

    def arguments(self, directory, port, origin):
        path = os.path.join(directory, "tenfold.toml")
        with open(path, "w") as file:
            file.write(TENFOLD.format(admin=free_port(), port=port, origin=origin, limit=self.limit))
        return ["run", path]


class LimitedNginx(Nginx):
    template = "overload-nginx.conf"


class LimitedHAProxy(HAProxy):
    template = "overload-haproxy.cfg"


def offer(program, port, rate, seconds, critical, cpu):
    command = [program, "offer", "--to", f"127.0.0.1:{port}", "--rate", str(rate),
               "--seconds", str(seconds), "--critical", str(critical)]
    done = subprocess.run(pinned(command, cpu), capture_output=True, text=True, timeout=seconds + 30)
    if done.returncode:
        raise BenchError("the load generator failed", done.stderr)
    return json.loads(done.stdout)


@contextlib.contextmanager
def origin(program, cpu):
    port = free_port()
    command = [program, "origin", "--listen", f"127.0.0.1:{port}",
               "--workers", str(WORKERS), "--time", str(MILLIS)]
    with started("origin", command, port, "/tmp", cpu):
        yield f"127.0.0.1:{port}"


def row(peer, factor, result, capacity, unloaded):
    """What is told about one run."""
    seconds = result["seconds"]
    critical, bulk = result["critical"], result["bulk"]
    return {
        "peer": peer, "factor": factor,
        "goodput": result["all"]["count"] / seconds / capacity,
        "p50_ms": result["all"]["p50_ms"], "p99_ms": result["all"]["p99_ms"],
        "p99_times": (result["all"]["p99_ms"] or 0) / unloaded,
        "critical_lost": critical["offered"] - critical["answered"]["count"],
        "critical_offered": critical["offered"],
        "critical_p99_ms": critical["answered"]["p99_ms"],
        "bulk_refused": bulk["refused"]["count"], "bulk_failed": bulk["failed"],
        "refused_p99_ms": bulk["refused"]["p99_ms"],
    }


def measure(arguments, peers):
    rows = []
    tool = arguments.tool
    with origin(tool, 1) as address:
        port = int(address.rpartition(":")[2])
        nominal = WORKERS * 1000 / MILLIS
        # Twice what it can do, for a moment, shows what it can do.
        full = offer(tool, port, nominal * 1.3, 3, 0, 1)
        capacity = min(nominal, full["all"]["count"] / 3 if full["all"]["count"] < nominal * 3 else nominal)
        alone = offer(tool, port, nominal * 0.1, 5, 0, 1)
        print(f"capacity {capacity:.0f}/s; alone p50 {alone['all']['p50_ms']} ms, p99 {alone['all']['p99_ms']} ms")
    for peer in peers:
        with origin(tool, 1) as address, peer.running(address, 0) as running:
            unloaded = offer(tool, running.port, nominal * 0.1, 5, CRITICAL_PERCENT, 1)["all"]["p99_ms"]
            for factor in FACTORS:
                # What was learnt at another load is to be unlearnt first.
                critical = 100 * CRITICAL_OF_CAPACITY / factor
                offer(tool, running.port, nominal * factor, arguments.warm_up, critical, 1)
                result = offer(tool, running.port, nominal * factor, arguments.seconds, critical, 1)
                rows.append(row(peer.name, factor, result, nominal, unloaded))
                rows[-1]["unloaded_p99_ms"] = unloaded
                print(line(rows[-1]), flush=True)
    return rows


HEAD = ("| | offered | goodput | p50 | p99 | × unloaded p99 | critical lost | critical p99 | bulk refused | a refusal's p99 | bulk failed |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|")


def line(it):
    def ms(value):
        return "–" if value is None else f"{value:.1f} ms"
    return (f"| {it['peer']} | {it['factor']} × C | {it['goodput'] * 100:.1f} % | {ms(it['p50_ms'])} | {ms(it['p99_ms'])} "
            f"| {it['p99_times']:.1f} | {it['critical_lost']} of {it['critical_offered']} | {ms(it['critical_p99_ms'])} "
            f"| {it['bulk_refused']} | {ms(it['refused_p99_ms'])} | {it['bulk_failed']} |")


def figure(rows):
    """Goodput and p99 by offered load, one line per program. Light and dark."""
    names = list(dict.fromkeys(it["peer"] for it in rows))
    tones = ["best", "second", "third", "fourth"]
    width, height, left, top, plot = 720, 360, 60, 56, 250
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             'role="img" aria-labelledby="title desc">',
             '<title id="title">Goodput and latency under overload</title>']
    told = "; ".join(f"{it['peer']} at {it['factor']} × C: goodput {it['goodput'] * 100:.0f} %, p99 {it['p99_ms']:.0f} ms"
                     for it in rows if it["p99_ms"])
    parts.append(f'<desc id="desc">{told}.</desc>')
    parts.append("""<style>
  svg { --ink: #1f2328; --soft: #59636e; --grid: #d1d9e0; --best: #0a6b3d; --second: #0757ba; --third: #9a5b00; --fourth: #b3261e; --paper: #ffffff }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #f0f6fc; --soft: #a3adb8; --grid: #3d444d; --best: #4ac776; --second: #6cb2ff; --third: #e3a54a; --fourth: #ff8a80; --paper: #0d1117 }
  }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; fill: var(--ink) }
  .soft { fill: var(--soft) } .grid { stroke: var(--grid) } .line { fill: none; stroke-width: 2.5 }
</style>""")
    parts.append(f'<rect width="{width}" height="{height}" fill="var(--paper)"/>')
    most = max(200, max(it["p99_ms"] or 0 for it in rows))
    import math
    span = math.log10(most / 10)

    def panel(x0, title, value, ticks):
        parts.append(f'<text x="{x0}" y="{top - 16}">{title}</text>')
        for at, text in ticks:
            y = top + plot * (1 - at)
            parts.append(f'<line class="grid" x1="{x0}" x2="{x0 + 250}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="soft" x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
        for place, factor in enumerate(FACTORS):
            x = x0 + 20 + place * 70
            parts.append(f'<text class="soft" x="{x}" y="{top + plot + 20}" text-anchor="middle">{factor} × C</text>')
        for name, tone in zip(names, tones):
            points = [(x0 + 20 + FACTORS.index(it["factor"]) * 70, top + plot * (1 - max(0, min(1, value(it)))))
                      for it in rows if it["peer"] == name and it["p99_ms"]]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline class="line" stroke="var(--{tone})" points="{path}"/>')
            parts.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="var(--{tone})"/>' for x, y in points)

    panel(left, "Good answers, share of capacity", lambda it: it["goodput"],
          [(0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (0.9, "90 %"), (1, "100 %")])
    marks = [value for value in (10, 20, 50, 100, 200, 500, 1000, 2000) if value <= most * 1.01]
    panel(left + 350, "p99 of what was answered", lambda it: math.log10(it["p99_ms"] / 10) / span,
          [(math.log10(value / 10) / span, f"{value} ms") for value in marks])
    for place, (name, tone) in enumerate(zip(names, tones)):
        x = left + place * 165
        parts.append(f'<rect x="{x}" y="{height - 18}" width="12" height="12" fill="var(--{tone})"/>')
        parts.append(f'<text x="{x + 18}" y="{height - 7}">{name}</text>')
    parts.append("</svg>\n")
    return "\n".join(parts)


def write(rows, seconds):
    about = machine.describe()
    text = (f"{about['cores']} cores of {about['cpu']}, {about['system']}; {seconds} s per load; the program on one core, origin and "
            f"clients on the other.\n\n{HEAD}\n" + "\n".join(line(it) for it in rows))
    path = os.path.join(ROOT, "docs", "overload.md")
    with open(path) as file:
        page = file.read()
    page = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{text}\n{END}", page, flags=re.S)
    with open(path, "w") as file:
        file.write(page)
    with open(os.path.join(ROOT, "docs", "figures", "overload.svg"), "w") as file:
        file.write(figure(rows))


def main():
    target = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="per load (20)")
    parser.add_argument("--warm-up", type=float, default=5, help="before each of them (5)")
    parser.add_argument("--tenfold", default=os.path.join(target, "tenfold"))
    parser.add_argument("--tool", default=os.path.join(target, "tenfold-overload"))
    parser.add_argument("--peers", default="tenfold,tenfold-fixed,nginx,haproxy")
    parser.add_argument("--write", action="store_true", help="renew docs/overload.md and its figure")
    arguments = parser.parse_args()
    known = {
        "tenfold": Tenfold(arguments.tenfold, "Tenfold, adaptive", '"adaptive"'),
        "tenfold-fixed": Tenfold(arguments.tenfold, "Tenfold, limit 8", "8"),
        "nginx": LimitedNginx(), "haproxy": LimitedHAProxy(),
    }
    try:
        peers = [known[name] for name in arguments.peers.split(",")]
        missing = [peer.name for peer in peers if not peer.installed()]
        if missing or not os.access(arguments.tool, os.X_OK):
            raise Missing(", ".join(missing) or arguments.tool)
        rows = measure(arguments, peers)
    except Missing as error:
        print(f"missing: {error}; see `make setup` and `make build`", file=sys.stderr)
        return 2
    except BenchError as error:
        print(f"{error}\n{error.detail}", file=sys.stderr)
        return 1
    if arguments.write:
        write(rows, arguments.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
