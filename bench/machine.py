"""What the results say about the machine and the programs.

Never its name, and never a path: results are published.
"""

import os
import platform
import re
import subprocess

from server import find_program


def _first_match(path, pattern, otherwise="unknown"):
    try:
        with open(path) as file:
            match = re.search(pattern, file.read(), re.M)
    except OSError:
        match = None
    return match[1].strip() if match else otherwise


def describe():
    siblings = "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list"
    return {
        "cpu": _first_match("/proc/cpuinfo", r"^model name\s*:\s*(.+)$", platform.machine()),
        "cores": os.cpu_count(),
        # Two hardware threads of one core slow each other down.
        "cpu0_shares_core_with": _first_match(siblings, r"^(.+)$"),
        "memory_mib": int(_first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)", "0")) // 1024,
        "kernel": platform.release(),
        "system": _first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]+)'),
        "python": platform.python_version(),
    }


def kind(machine):
    """A short name for this sort of machine, for the name of the results."""
    cpu = re.sub(r"\((R|TM)\)|CPU|Processor|@.*", " ", machine["cpu"], flags=re.I)
    words = re.findall(r"[a-z0-9]+", cpu.lower())
    return "-".join([*words[:5], f"{machine['cores']}core"])


def _version(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    # nginx writes its version to stderr; wrk ends with status 1 after it.
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def versions(peers):
    found = {peer.name: _version(peer.version_command()) for peer in peers}
    found["wrk"] = _version([find_program("wrk"), "-v"])
    return found
