"""A world of its own for a rehearsal, and the processes in it.

The whole script runs again in new namespaces (unshare(1), which needs no root where user namespaces are allowed): it has
a loopback interface and an /etc/resolv.conf of its own, so that it can be the name server of this "machine", and when it
ends, every process that it started ends with it. Where that is not allowed the rehearsal runs without, and without names.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Where `cargo build --release` puts what it builds.
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
INSIDE = "REHEARSAL_INSIDE"
NAME_SERVER = "127.0.0.53"
UNSHARE = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
SIOCSIFFLAGS, IFF_UP_AND_RUNNING = 0x8914, 0x41


def enter() -> bool:
    """Runs this script anew in namespaces of its own. False if that is not possible here."""
    if os.environ.get(INSIDE):
        _settle()
        return True
    try:
        subprocess.run([*UNSHARE, "true"], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return False
    os.environ[INSIDE] = "1"
    os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, *sys.argv])


def _settle() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the first process of a namespace ignores it otherwise
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_AND_RUNNING))
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(f"nameserver {NAME_SERVER}\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _die_with_me() -> None:
    # When the thread ends that started it: where there are no namespaces, this is what clears up.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start(*command: str, **more) -> subprocess.Popen:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ, "PATH": PATH}}
    return subprocess.Popen(command, preexec_fn=_die_with_me, **{**quiet, **more})


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 0.2):
        return True
    return False


def wait_for(port: int, host: str = "127.0.0.1") -> None:
    deadline = time.monotonic() + 10
    while not listens(port, host):
        if time.monotonic() > deadline:
            sys.exit(f"nobody listens on {host}:{port}")
        time.sleep(0.02)


def is_installed(program: str) -> bool:
    return shutil.which(program, path=PATH) is not None
