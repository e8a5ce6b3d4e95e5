"""A world of its own for a rehearsal, and the processes in it.

The whole script runs again in new namespaces (unshare(1), which needs no root where user namespaces are allowed): it has
a loopback interface and an /etc/resolv.conf of its own, so that it can be the name server of this "machine", and when it
ends, every process that it started ends with it. Where that is not allowed the rehearsal runs without, and without names.

unshare(1) is deaf to signals, and the first process of a namespace to most. So the script that was called holds a pipe,
and the one inside leaves in order (folders, processes) when that closes, for whatever reason.
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
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Where `cargo build --release` puts what it builds.
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
# Holds the number of the pipe.
INSIDE = "REHEARSAL_INSIDE"
LEAVING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NAME_SERVER = "127.0.0.53"
UNSHARE = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
SIOCSIFFLAGS, IFF_UP_AND_RUNNING = 0x8914, 0x41


def enter() -> bool:
    """Runs this script anew in namespaces of its own. False if that is not possible here."""
    for number in LEAVING:
        signal.signal(number, _leave)
    if INSIDE in os.environ:
        threading.Thread(target=_leave_with, args=(int(os.environ.pop(INSIDE)),), daemon=True).start()
        _settle()
        return True
    try:
        subprocess.run([*UNSHARE, "true"], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return False
    theirs, ours = os.pipe()
    inside = subprocess.Popen([*UNSHARE, sys.executable, *sys.argv], pass_fds=[theirs], env={**os.environ, INSIDE: str(theirs)})

    def leave(*_) -> None:
        for number in LEAVING:
            signal.signal(number, lambda *_: None)
        os.close(ours)

    for number in LEAVING:
        signal.signal(number, leave)
    sys.exit(inside.wait())


def _leave(*_) -> None:
    for number in LEAVING:
        signal.signal(number, lambda *_: None)
    sys.exit("stopped")


def _leave_with(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _settle() -> None:
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
