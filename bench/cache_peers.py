"""The caches that are compared: how each is configured and started.

All keep what they have in memory: nginx stores files, so it gets a folder on a tmpfs.
"""

import os
import tempfile

from peers import Bare, HAProxy, Nginx, Peer, Tenfold, without

# Where there is one; otherwise the folder for temporary files has to be a tmpfs.
TMPFS = "/dev/shm"


def tmpfs():
    return TMPFS if os.path.isdir(TMPFS) and os.access(TMPFS, os.W_OK) else None


class OpenNginxCache(Nginx):
    """With files kept open: cheaper, as long as the limit on open files lets it."""
    name = "nginx-cache-open"
    binary = "nginx"
    template = "nginx-cache.conf"

    def folder(self):
        return tempfile.TemporaryDirectory(prefix="tenfold-bench-", dir=tmpfs())


class NginxCache(OpenNginxCache):
    """As most have it: a hit opens, reads and closes a file."""
    name = "nginx-cache"

    def settings(self):
        return without(super().settings(), "# Files stay open")


class HAProxyCache(HAProxy):
    name = "haproxy-cache"
    binary = "haproxy"
    template = "haproxy-cache.cfg"


class BareNginxCache(Bare, NginxCache):
    name = "nginx-cache-bare"


class BareHAProxyCache(Bare, HAProxyCache):
    name = "haproxy-cache-bare"


class Varnish(Peer):
    name = "varnish"
    binary = "varnishd"
    template = "varnish.vcl"
    # Compiling its configuration takes seconds.
    start_timeout = 30.0
    waits_for_itself = True

    def version_command(self):
        return [self.program, "-V"]

    def folder(self):
        # Its log is a shared file that it writes at every request.
        return tempfile.TemporaryDirectory(prefix="tenfold-bench-", dir=tmpfs())

    def arguments(self, directory, port, origin):
        config = self.write_config(directory, port, origin)
        return ["-F", "-n", os.path.join(directory, "work"), "-f", config,
                *self._arguments(port)]

    @staticmethod
    def _arguments(port):
        return ["-a", f"127.0.0.1:{port}", "-T", "none", "-j", "none", "-s", "malloc,1G",
                "-p", "thread_pools=1", "-p", "thread_pool_min=100", "-p", "thread_pool_max=200",
                "-p", "timeout_idle=3600"]

    def settings(self):
        command = "varnishd -F -n @DIR@/work -f varnish.vcl " + " ".join(self._arguments("@PORT@"))
        return f"# {command}\n{super().settings()}"


class TenfoldCache(Tenfold):
    name = "tenfold-cache"
    binary = "tenfold"
    more = ("--cache=1GiB",)


CACHE_PEERS = {peer.name: peer for peer in (
    NginxCache, OpenNginxCache, HAProxyCache, Varnish, TenfoldCache, BareNginxCache, BareHAProxyCache)}
# Those that take part unless --peers says otherwise.
USUAL_CACHES = ["nginx-cache", "nginx-cache-open", "haproxy-cache", "varnish", "tenfold-cache"]
