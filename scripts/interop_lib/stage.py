"""Ports, a temporary directory and processes; nothing of it outlives the run."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .report import Failure, Skip

HOST = "127.0.0.1"
PROGRAMS = Path(__file__).resolve().parent / "programs"
# Debian's, which has the websockets module; a python3 earlier in PATH may not.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def find(*names: str, setup: str = "scripts/setup") -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Skip(f"not installed: {names[0]}, run {setup}")


def free_ports() -> list[int]:
    """Ports below the range of outgoing connections: one of those could otherwise take the port of
    an origin that is down, just before it comes back."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        first = 32768
    ports = list(range(10240, first)) if first > 11000 else list(range(61000, 65000))
    random.shuffle(ports)
    return ports


def die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def begin(command: list[str], **popen: object) -> subprocess.Popen:
    """A process in a session of its own: a Ctrl-C is for the script, which then ends the others."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                            preexec_fn=die_with_parent, **popen)


def end(process: subprocess.Popen) -> None:
    """Ends a process and what it has started, at once."""
    if process.poll() is None:  # or its number may be another's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def background(function: Callable, *arguments: object) -> Callable[[], object]:
    """Calls it in a thread; returns what waits for its result. Not an executor's thread: those hold
    up a Ctrl-C until they are done."""
    outcome: list = []

    def run() -> None:
        try:
            outcome.append((function(*arguments), None))
        except BaseException as error:  # raised again where the result is asked for
            outcome.append((None, error))

    def wait() -> object:
        thread.join()
        result, error = outcome[0]
        if error:
            raise error
        return result

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return wait


def accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
        return True
    except OSError:
        return False


class Server:
    """A process that listens on a port."""

    def __init__(self, name: str, command: list[str], port: int, log: Path,
                 **popen: object) -> None:
        self.name, self.command, self.port, self.log = name, command, port, log
        self.popen = popen  # for Popen
        self.process: subprocess.Popen | None = None

    def start(self, ready: Callable[[], bool] | None = None, seconds: float = 15) -> None:
        with self.log.open("ab") as log:
            self.process = begin(self.command, stdout=log, stderr=log, **self.popen)
        deadline = time.monotonic() + seconds
        while not (ready() if ready else accepts(self.port)):
            if self.process.poll() is not None:
                code = self.process.returncode
                raise Failure(f"{self.name} ended at once with {code}\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} was not ready within {seconds} s\n{self.last_words()}")
            time.sleep(0.01)

    def last_words(self, count: int = 6) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(re.sub(r"\033\[[0-9;]*m", "", text).splitlines()[-count:])

    def kill(self) -> None:
        """Ends it, at once."""
        if self.process:
            end(self.process)

    def resident(self) -> int:
        """Bytes of memory that it has now."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise Failure(f"{self.name} has no VmRSS: it has ended")


class Gateway(Server):
    """The gateway, with an admin port that says when it is ready."""

    def __init__(self, admin: int, *args: object) -> None:
        super().__init__(*args)
        self.admin = admin

    def start(self, *_: object) -> None:
        super().start(self._is_ready)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.admin, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self, seconds: float = 30) -> float:
        """Ends it gently; returns how long that took. Fails unless its exit code is 0."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the gateway was still there {seconds} s after SIGTERM") from None
        if code != 0:
            raise Failure(f"the gateway ended with {code}\n{self.last_words()}")
        return time.monotonic() - started


class Stage:
    """Where the checks play: it makes servers, and clears everything away."""

    def __init__(self, binary: Path, keep: bool) -> None:
        self.binary, self.keep = binary, keep
        self.directory = Path(tempfile.mkdtemp(prefix="tenfold-interop-"))
        self.servers: list[Server] = []
        self.tools: list[subprocess.Popen] = []
        self._ports = free_ports()
        self._count = 0

    def port(self) -> int:
        while self._ports:
            port = self._ports.pop()
            with socket.socket() as probe:
                try:
                    probe.bind((HOST, port))
                    return port
                except OSError:
                    continue
        raise Failure(f"there is no free port on {HOST}")

    def path(self, name: str) -> Path:
        """A path in the temporary directory that nobody else gets."""
        self._count += 1
        return self.directory / f"{self._count:03}-{name}"

    def popen(self, command: list[str], **popen: object) -> subprocess.Popen:
        """Starts a client that runs by itself."""
        process = begin(command, **popen)
        self.tools.append(process)
        return process

    def server(self, name: str, command: list[str], port: int, **popen: object) -> Server:
        """Starts a server."""
        server = Server(name, command, port, self.path(f"{name}.log"), **popen)
        self.servers.append(server)
        server.start()
        return server

    def gateway(self, *ports: int, options: tuple[str, ...] = ()) -> Gateway:
        """Starts a gateway in front of the servers on these ports."""
        port, admin = self.port(), self.port()
        command = [str(self.binary), "run", "--listen", f"{HOST}:{port}",
                   "--admin", f"{HOST}:{admin}", *options]
        for target in ports:
            command += ["--to", f"{HOST}:{target}"]
        gateway = Gateway(admin, "gateway", command, port, self.path("gateway.log"))
        self.servers.append(gateway)
        gateway.start()
        return gateway

    def has_gateway(self) -> bool:
        return any(isinstance(server, Gateway) for server in self.servers)

    def strike(self) -> None:
        """Ends the servers of one check. A gateway that has died or ends badly is a failure."""
        problems = []
        for server in self.servers:
            if isinstance(server, Gateway):
                problems += self._farewell(server)
        self._kill_all()
        if problems:
            raise Failure("\n".join(problems))

    @staticmethod
    def _farewell(gateway: Gateway) -> list[str]:
        code = gateway.process.poll() if gateway.process else 0
        if code is None:
            try:
                gateway.stop()
            except Failure as failure:
                return [str(failure)]
        elif code != 0:
            return [f"the gateway had ended with {code}", gateway.last_words()]
        return []

    def _kill_all(self) -> None:
        for tool in self.tools:
            end(tool)
        for server in self.servers:
            server.kill()
        self.tools.clear()
        self.servers.clear()

    def close(self) -> None:
        """Ends everything at once."""
        self._kill_all()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
