"""A server process of the benchmark: start it, wait until it answers, end it.

Every server gets its own process group, so that Ctrl-C in the terminal reaches
only the harness, which then ends each group itself (see `started`).
"""

import contextlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import time

START_TIMEOUT = 10.0
STOP_TIMEOUT = 3.0


class BenchError(Exception):
    """A run, or the whole benchmark, cannot go on; the text says why.

    `detail` is for the terminal only: a program's own words may contain paths,
    which have no place in the results.
    """

    def __init__(self, text, detail=""):
        super().__init__(text)
        self.detail = detail.strip()


class Missing(Exception):
    """A program is not installed or not built."""


def find_program(name):
    """The path of an installed program, or None."""
    # An unprivileged user's PATH often lacks sbin, where Debian puts proxies.
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin"
    return shutil.which(name, path=path)


def free_port():
    """A free TCP port below the usual ephemeral range (32768 and up).

    Thousands of outgoing connections are made during a run; one of them could
    take a port from the ephemeral range before the server binds it.
    """
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise BenchError("no free port found")


def pinned(command, cpu):
    """`command`, bound to one CPU; unchanged if `cpu` is None."""
    return command if cpu is None else ["taskset", "-c", str(cpu), *command]


def fetch(port, scenario, host="127.0.0.1", timeout=5.0):
    """One request of a scenario: (status, length of the body)."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        body = b"x" * scenario.request_bytes if scenario.request_bytes else None
        connection.request(scenario.method, scenario.path, body=body)
        response = connection.getresponse()
        return response.status, len(response.read())
    finally:
        connection.close()


def answer_problem(port, scenario, host="127.0.0.1"):
    """What is wrong with a server's answer to a scenario; None if nothing is."""
    try:
        status, length = fetch(port, scenario, host)
    except (OSError, http.client.HTTPException) as error:
        return f"{scenario.path}: {type(error).__name__}: {error}"
    if status != 200:
        return f"{scenario.path}: status {status}"
    if scenario.response_bytes is not None and length != scenario.response_bytes:
        return f"{scenario.path}: {length} bytes, not {scenario.response_bytes}"
    return None


def origin_requests(origin):
    """How many requests the origin has had."""
    host, _, port = origin.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    try:
        connection.request("GET", "/requests")
        return int(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise BenchError(f"the origin does not count requests: {error}") from None
    finally:
        connection.close()


@contextlib.contextmanager
def started(name, command, port, directory, cpu=None, timeout=START_TIMEOUT):
    """Run a server for the length of a `with` block; yields the Popen object."""
    log_path = os.path.join(directory, f"{name}.log")
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            pinned(command, cpu),
            # A server that logs requests to its output must not fill the disk.
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_listening(name, process, port, log_path, timeout)
        yield process
    finally:
        _stop(process)


def _wait_until_listening(name, process, port, log_path, timeout):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    with open(log_path, errors="replace") as log:
        tail = log.read()[-2000:]
    reason = "ended at once" if process.poll() is not None else "does not listen"
    raise BenchError(f"{name} {reason}", tail)


def _stop(process):
    """End the process group: politely first, and in any case."""
    try:
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Workers that outlived their master are in the same group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
