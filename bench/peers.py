"""The proxies that are compared: how each is configured and started."""

import contextlib
import os
import tempfile
from dataclasses import dataclass

from server import START_TIMEOUT, find_program, free_port, started

CONF_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conf")


@dataclass
class Running:
    """A started proxy."""
    peer: str
    pid: int
    port: int


class Peer:
    """One proxy. A fresh process is started for every run (see README)."""

    name = ""
    binary = None  # what the program is called, if not like the peer
    template = None  # the configuration file below conf/, if it has one
    start_timeout = START_TIMEOUT
    waits_for_itself = False  # it has many threads, which take turns on the CPU

    def __init__(self, program=None):
        self.program = program or find_program(self.binary or self.name)

    def installed(self):
        return self.program is not None and os.access(self.program, os.X_OK)

    def version_command(self):
        return [self.program, "-v"]

    def arguments(self, directory, port, origin):
        raise NotImplementedError

    @contextlib.contextmanager
    def running(self, origin, cpu):
        """Run the proxy in front of `origin` for the length of a `with` block."""
        with self.folder() as directory:
            port = free_port()
            command = [self.program, *self.arguments(directory, port, origin)]
            with started(self.name, command, port, directory, cpu,
                         self.start_timeout) as process:
                yield Running(self.name, process.pid, port)

    def folder(self):
        """A folder of its own, for the length of a `with` block."""
        return tempfile.TemporaryDirectory(prefix="tenfold-bench-")

    def settings(self):
        """What goes into the results: the configuration as it is in use."""
        with open(os.path.join(CONF_DIR, self.template)) as file:
            return file.read()

    def write_config(self, directory, port, origin):
        """Fill in the template; returns the path of the file written."""
        # Only root may name a user, and without it nginx's worker would be
        # `nobody`, who cannot enter root's temporary directory.
        user = "user root root;" if os.geteuid() == 0 else ""
        host, _, origin_port = origin.rpartition(":")
        words = {"@DIR@": directory, "@PORT@": str(port), "@ORIGIN@": origin,
                 "@ORIGIN_HOST@": host, "@ORIGIN_PORT@": origin_port, "@USER@": user}
        text = self.settings()
        for word, value in words.items():
            text = text.replace(word, value)
        path = os.path.join(directory, self.template)
        with open(path, "w") as file:
            file.write(text)
        return path


class Nginx(Peer):
    name = "nginx"
    template = "nginx.conf"

    def arguments(self, directory, port, origin):
        config = self.write_config(directory, port, origin)
        # -e: until the configuration is read, nginx logs to a built-in path
        # that an unprivileged user may not open.
        return ["-p", directory, "-e", "stderr", "-c", config]


class HAProxy(Peer):
    name = "haproxy"
    template = "haproxy.cfg"

    def arguments(self, directory, port, origin):
        # -db: stay in the foreground, as a single process.
        return ["-db", "-f", self.write_config(directory, port, origin)]


def without(text, beginning):
    """A configuration without the paragraph that begins with this comment."""
    start = text.rindex("\n", 0, text.index(beginning))
    return text[:start] + text[text.index("\n\n", start):]


class Bare:
    """A peer without the headers that a usual configuration adds: it passes requests on as they are.

    Nobody runs it like that in front of an application, but it is the cheapest that the peer can be.
    """

    def settings(self):
        return without(super().settings(), "# The headers a usual")


class BareNginx(Bare, Nginx):
    name = "nginx-bare"
    binary = "nginx"


class BareHAProxy(Bare, HAProxy):
    name = "haproxy-bare"
    binary = "haproxy"


class Tenfold(Peer):
    name = "tenfold"
    more = ()  # further options

    def version_command(self):
        return [self.program, "--version"]

    def arguments(self, directory, port, origin):
        return self._arguments(port, free_port(), origin)

    def _arguments(self, port, admin_port, origin):
        return ["run", "--listen", f"127.0.0.1:{port}",
                "--admin", f"127.0.0.1:{admin_port}",
                "--workers", "1", "--to", origin, *self.more]

    def settings(self):
        return "tenfold " + " ".join(self._arguments("@PORT@", "@PORT2@", "@ORIGIN@"))


PEERS = {peer.name: peer for peer in (Nginx, HAProxy, Tenfold, BareNginx, BareHAProxy)}
# Those that take part unless --peers says otherwise.
USUAL = ["nginx", "haproxy", "tenfold"]


def origin_command(program, port):
    return [program, "--listen", f"127.0.0.1:{port}"]
