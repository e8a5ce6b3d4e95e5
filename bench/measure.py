"""What a run is measured with: CPU time and memory from /proc, and wrk."""

import contextlib
import os
import re
import subprocess
from dataclasses import dataclass

from scenarios import LUA_DIR
from server import BenchError, find_program, pinned

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


# --- /proc -----------------------------------------------------------------

@dataclass
class CpuTime:
    """CPU time a process tree has used so far, in microseconds."""
    pids: list
    user_us: float
    system_us: float
    # From the scheduler; None: the kernel does not provide it.
    schedstat_us: float | None  # time on a CPU
    waited_us: float | None  # time ready to run, with the CPU taken by another

    def since(self, earlier):
        def difference(name):
            new, old = getattr(self, name), getattr(earlier, name)
            return None if new is None or old is None else new - old

        return CpuTime(self.pids, *map(difference, (
            "user_us", "system_us", "schedstat_us", "waited_us")))


def _stat_fields(pid):
    """The fields of /proc/PID/stat after the command name, state first."""
    with open(f"/proc/{pid}/stat") as file:
        # The name is in parentheses and may itself contain any character.
        return file.read().rpartition(")")[2].split()


def process_tree(root):
    """A process and all its descendants (nginx: the master and its worker)."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parent = int(_stat_fields(entry)[1])
                children.setdefault(parent, []).append(int(entry))
    tree, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        tree.append(pid)
        waiting.extend(children.get(pid, []))
    return sorted(tree)


def _schedstat_us(pids):
    """Time on CPU, and time spent waiting for one, of all threads.

    A thread that has ended is no longer in these sums, while /proc/PID/stat
    keeps counting it; that is one reason why the latter is the main figure.
    """
    ran = waited = 0
    try:
        for pid in pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                    fields = file.read().split()
                ran += int(fields[0])
                waited += int(fields[1])
    except OSError:
        return None, None
    return ran / 1000, waited / 1000


def cpu_time(root):
    pids = process_tree(root)
    user = system = 0.0
    for pid in pids:
        try:
            fields = _stat_fields(pid)
        except OSError:
            raise BenchError("a process of the proxy has ended") from None
        user += int(fields[11]) * TICK_US
        system += int(fields[12]) * TICK_US
    return CpuTime(pids, user, system, *_schedstat_us(pids))


def resident_kib(root):
    """VmRSS of the process tree, summed."""
    total = 0
    for pid in process_tree(root):
        match = None
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
            match = re.search(r"^VmRSS:\s+(\d+) kB", file.read(), re.M)
        if match is None:  # what is left of an ended process has no memory
            raise BenchError("a process of the proxy has ended")
        total += int(match[1])
    return total


def stolen_ticks():
    """CPU time the hypervisor gave to others, so far, over all CPUs."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[8])


# --- wrk -------------------------------------------------------------------

@dataclass
class WrkResult:
    requests: int
    seconds: float
    requests_per_second: float
    p50_us: float
    p99_us: float
    socket_errors: dict
    non_2xx: int

    def problems(self):
        found = [f"{count} socket errors ({kind})"
                 for kind, count in self.socket_errors.items() if count]
        if self.non_2xx:
            found.append(f"{self.non_2xx} responses with an error status")
        if not self.requests:
            found.append("no request was answered")
        return found


UNIT_US = {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}


def _duration_us(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return round(float(number) * UNIT_US[unit], 1)


def parse_wrk(text):
    def find(pattern):
        match = re.search(pattern, text)
        if match is None:
            raise BenchError("cannot read the output of wrk", text)
        return match

    total = find(r"(\d+) requests in ([\d.]+\w+),")
    # Both lines are left out by wrk when there is nothing to report.
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    kinds = ("connect", "read", "write", "timeout")
    counts = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    non_2xx = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return WrkResult(
        requests=int(total[1]),
        seconds=_duration_us(total[2]) / 1e6,
        requests_per_second=float(find(r"Requests/sec:\s+([\d.]+)")[1]),
        p50_us=_duration_us(find(r"\n\s+50%\s+(\S+)")[1]),
        p99_us=_duration_us(find(r"\n\s+99%\s+(\S+)")[1]),
        socket_errors=dict(zip(kinds, counts)),
        non_2xx=int(non_2xx[1]) if non_2xx else 0,
    )


def run_wrk(scenario, port, seconds, cpu):
    command = [find_program("wrk"), "-t1", f"-c{scenario.connections}",
               f"-d{seconds}s", "--latency"]
    if scenario.lua:
        command += ["-s", os.path.join(LUA_DIR, scenario.lua)]
    for header in scenario.headers:
        command += ["-H", header]
    command.append(f"http://127.0.0.1:{port}{scenario.path}")
    try:
        done = subprocess.run(pinned(command, cpu), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        raise BenchError("wrk did not end") from None
    if done.returncode:
        raise BenchError("wrk failed", done.stdout + done.stderr)
    return parse_wrk(done.stdout)
