"""The configurations that bench/features.py compares, each the plain one and one feature."""

from collections.abc import Callable
from dataclasses import dataclass

HEAD = """
[admin]
listen = "127.0.0.1:@ADMIN@"

[listener.web]
listen = "127.0.0.1:@PORT@"
"""
# One origin at three addresses: three servers, and still one process.
THREE = ('["127.0.0.1:@ORIGIN@", "127.0.0.2:@ORIGIN@", "127.0.0.3:@ORIGIN@"]')
IN_ZONES = "[" + ", ".join(f'{{ address = "127.0.0.{number}:@ORIGIN@", zone = "{zone}" }}'
                           for number, zone in enumerate("abc", 1)) + "]"

PROBES = 'health = { path = "/1k", every = "1s", timeout = "500ms" }'
EJECTION = "outlier = { consecutive_failures = 5, success_rate = 1.9, latency = 3.0 }"
STICKY = 'sticky = { cookie = "server" }'
LIMIT = '\n[limit.clients]\nkey = "client_ip"\nrate = "10000000/s"\nburst = 10000000\n'
RETRY = 'retry = { attempts = 3, on = ["connect", "reset", "timeout", "502", "503", "504"] }'
BREAKER = 'breaker = { failures = "50%", consecutive = 5, slow = "5s" }'
ADAPTIVE = 'concurrency = { limit = "adaptive", min = 128, max = 1000 }'
EDITS = """
request_headers = { set = { x-client = "{client_ip}" }, remove = ["x-debug"] }
response_headers = { set = { x-frame-options = "DENY" }, remove = ["server"] }
"""


@dataclass(frozen=True)
class Feature:
    name: str
    title: str
    # Makes the configuration; None: no file, `tenfold run --to`.
    config: Callable | None
    headers: tuple = ()  # what clients send
    keeps_cookie: bool = False  # clients send back the cookie that they were given


def file(route="", upstream="", servers='["127.0.0.1:@ORIGIN@"]', gateway="", more="",
         target='"app"'):
    """A configuration with one route to one upstream, and what a feature adds."""
    def text():
        return (f"[gateway]\nworkers = 1\n{gateway}\n{HEAD}\n"
                f"[[route]]\nupstream = {target}\n{route}\n\n"
                f"[upstream.app]\nservers = {servers}\n{upstream}\n{more}")
    return text


def other_routes(count=4_999):
    """Routes beside the one that is used: half by path alone, half by host and path."""
    return "\n".join(
        f'[[route]]\npath = "/part-{number}/*"\nupstream = "app"\n'
        + (f'host = "shop-{number % 97}.example.com"\n' if number % 2 else "")
        for number in range(count))


def several(*lines):
    return "\n".join(lines)


def balanced(algorithm):
    return Feature(f"balance-{algorithm}", f"three servers, `{algorithm}`",
                   file(servers=THREE, upstream=f'balance = "{algorithm}"'))


PLAIN = Feature("plain", "plain: `tenfold run --to SERVER`", None)
COPY = '\n[upstream.copy]\nservers = ["127.0.0.1:@ORIGIN@"]\n'

FEATURES = [
    Feature("file", "a file with one route", file()),
    Feature("routes", "5,000 routes", lambda: file(route='path = "/1k"')() + other_routes()),
    *map(balanced, ("round_robin", "least_request", "p2c", "peak_ewma", "ip_hash",
                    "ring_hash", "maglev", "random")),
    Feature("hash-header", "three servers, `maglev` by a header",
            file(servers=THREE, upstream='balance = "maglev"\nhash = "header:x-user"'),
            headers=("X-User: 4711",)),
    Feature("probes", "active probes of three servers, each second",
            file(servers=THREE, upstream=PROBES)),
    Feature("ejection", "outlier ejection of all kinds, three servers",
            file(servers=THREE, upstream=EJECTION)),
    Feature("sticky", "sticky cookie, three servers",
            file(servers=THREE, upstream=STICKY), keeps_cookie=True),
    Feature("zones", "zones, three servers",
            file(servers=IN_ZONES, gateway='zone = "a"')),
    Feature("edits", "edits of request and response fields", file(route=EDITS)),
    Feature("rewrite", "path with a capture, rewritten",
            file(route='path = "/{size}"\nrewrite = "/{size}"')),
    Feature("split", "weighted split between two upstreams",
            file(target='[{ name = "app", weight = 95 }, { name = "copy", weight = 5 }]',
                 more=COPY)),
    Feature("access-log", "access log to a file",
            file(gateway='access_log = "@DIR@/access.log"')),
    Feature("mirror", "mirroring: each request is made twice",
            file(route='mirror = { upstream = "copy" }', more=COPY)),
    Feature("limit", "a rate limit by client address",
            file(route='limit = "clients"', more=LIMIT)),
    Feature("retry", "a retry policy with its budget", file(upstream=RETRY)),
    Feature("breaker", "circuit breakers, of servers and of the upstream",
            file(upstream=BREAKER)),
    Feature("concurrency", "adaptive concurrency, and a bulkhead for the route",
            file(route="concurrency = { limit = 10000 }", upstream=ADAPTIVE)),
    Feature("armed", "limit, retries, breakers and adaptive concurrency together",
            file(route='limit = "clients"', upstream=several(RETRY, BREAKER, ADAPTIVE),
                 more=LIMIT)),
    Feature("all-inside", "5,000 routes, probes, ejection and zones",
            lambda: file(route='path = "/1k"', servers=IN_ZONES, gateway='zone = "a"',
                         upstream=several(PROBES, EJECTION))() + other_routes()),
    Feature("all", "the same with edits and a sticky cookie",
            lambda: file(route='path = "/1k"\n' + EDITS, servers=IN_ZONES,
                         gateway='zone = "a"',
                         upstream=several(PROBES, EJECTION, STICKY))() + other_routes(),
            keeps_cookie=True),
]
