"""The memory of idle connections: what 10,000 of them add to a proxy."""

import contextlib
import http.client
import resource
import select
import socket
import time

from measure import resident_kib
from scenarios import BY_NAME
from server import BenchError, answer_problem

CONNECTIONS = 10_000
SPARE_FILES = 500
# Requests in flight at a time while the connections are opened.
BATCH = 64
# Memory counts as settled when this many samples in a row are this close.
SETTLED_SAMPLES, SETTLED_KIB, SAMPLE_SECONDS, SETTLE_TIMEOUT = 5, 64, 0.5, 20
# So many connections are used again at the end, to prove that they still work.
REUSED = 200

PATH = BY_NAME["get-1k-64"]
REQUEST = f"GET {PATH.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def raise_file_limit():
    """Raise the soft limit on open files to the hard one; returns it.

    The proxies inherit it, and each needs a file per idle connection too.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run_idle(peer, origin, options):
    """The measurement for one proxy, as a dictionary."""
    try:
        return _measure(peer, origin, options)
    except (OSError, BenchError, http.client.HTTPException) as error:
        return {"peer": peer.name, "valid": False, "problems": [str(error)]}


def _measure(peer, origin, options):
    """Memory before and after the connections, for one fresh process."""
    with peer.running(origin, options.proxy_cpu) as proxy, contextlib.ExitStack() as stack:
        problem = answer_problem(proxy.port, PATH)
        problems = [problem] if problem else []
        before = _settled_kib(proxy.pid)
        connections = _open_all(proxy.port, stack)
        after = _settled_kib(proxy.pid)
        problems += _closed(connections)
    return {
        "peer": peer.name, "valid": not problems, "problems": problems,
        "connections": CONNECTIONS,
        "rss_before_kib": before, "rss_after_kib": after,
        "kib_per_connection": round((after - before) / CONNECTIONS, 3),
    }


def _open_all(port, stack):
    """Open the connections, and make one request on each."""
    connections = []
    while len(connections) < CONNECTIONS:
        batch = []
        for _ in range(min(BATCH, CONNECTIONS - len(connections))):
            one = socket.create_connection(("127.0.0.1", port), timeout=10)
            batch.append(stack.enter_context(one))
        _exchange(batch)
        connections += batch
    return connections


def _exchange(batch):
    """A request on each connection of the batch, all in flight at once."""
    for one in batch:
        one.sendall(REQUEST)
    for one in batch:
        response = http.client.HTTPResponse(one)
        response.begin()
        length = len(response.read())
        if response.status != 200 or length != PATH.response_bytes:
            raise BenchError(f"status {response.status}, {length} bytes")
        if response.will_close:
            raise BenchError("the proxy does not keep the connection alive")


def _settled_kib(pid):
    samples, deadline = [], time.monotonic() + SETTLE_TIMEOUT
    while time.monotonic() < deadline:
        samples = [*samples, resident_kib(pid)][-SETTLED_SAMPLES:]
        if len(samples) == SETTLED_SAMPLES and max(samples) - min(samples) <= SETTLED_KIB:
            break
        time.sleep(SAMPLE_SECONDS)
    return samples[-1]


def _closed(connections):
    """Problems with connections that ought to be open and idle."""
    poll = select.poll()
    for one in connections:
        poll.register(one, select.POLLIN)
    # An idle connection has nothing to read; an event is its end, or an error.
    events = len(poll.poll(0))
    if events:
        return [f"{events} of {len(connections)} idle connections were closed"]
    try:
        step = len(connections) // REUSED
        for start in range(0, REUSED, BATCH):
            _exchange(connections[::step][:REUSED][start:start + BATCH])
    except (OSError, BenchError, http.client.HTTPException) as error:
        return [f"an idle connection could not be used again: {error}"]
    return []
