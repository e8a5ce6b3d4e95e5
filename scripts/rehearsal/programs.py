"""The programs that are rehearsed: how each is configured and started."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from . import world
from .origin import __file__ as ORIGIN


def origin(name: str, port: int, host: str = "127.0.0.1") -> subprocess.Popen:
    """An origin; what it is told goes to its standard input."""
    process = start_origin(name, port, host)
    world.wait_for(port, host)
    return process


def start_origin(name: str, port: int, host: str) -> subprocess.Popen:
    """The same, without waiting until it listens."""
    return world.start(sys.executable, "-S", ORIGIN, name, f"{host}:{port}", stdin=subprocess.PIPE)


class Tenfold:
    name = "tenfold"

    def __init__(self, binaries: Path) -> None:
        self.command = [str(binaries / "tenfold"), "run", "FILE"]

    def file(self, folder: Path, port: int, admin: int, servers: list[str]) -> str:
        addresses = ", ".join(f'"{server}"' for server in servers)
        return f"""\
            [gateway]
            workers = 2
            [admin]
            listen = "127.0.0.1:{admin}"
            [timeouts]
            response = "5s"
            [listener.web]
            listen = "127.0.0.1:{port}"
            [[route]]
            upstream = "app"
            [upstream.app]
            balance = "least_request"
            servers = [{addresses}]
            health = {{ path = "/healthz", every = "500ms", timeout = "500ms" }}
            outlier = {{ eject = "10s", latency = 10, interval = "1s", least_requests = 3 }}
        """


class Nginx:
    name = "nginx"
    command = ["nginx", "-p", "FOLDER", "-c", "FILE"]

    def whole(self, folder: Path, port: int, upstream: str, locations: str) -> str:
        # Of these namespaces only root exists; elsewhere `user` says nothing to a master that is not root.
        return f"""\
            daemon off; worker_processes 2; user root root; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; keepalive_requests 1000000;
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
                uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                proxy_connect_timeout 2s; proxy_read_timeout 5s;
                proxy_http_version 1.1; proxy_set_header Connection "";
                log_format tries '$msec $request_time [$upstream_addr] [$upstream_response_time]';
                {upstream}
                server {{ listen 127.0.0.1:{port} reuseport; {locations} }}
            }}
        """

    def file(self, folder: Path, port: int, admin: int, servers: list[str]) -> str:
        each = "".join(f" server {server} max_fails=1 fail_timeout=10s;" for server in servers)
        upstream = f"upstream app {{ zone app 64k; least_conn;{each} keepalive 64; }}"
        again = "proxy_next_upstream error timeout http_500 http_502 http_503 http_504;"
        return self.whole(folder, port, upstream, f"{again} access_log {folder}/tries tries; location / {{ proxy_pass http://app; }}")


class Haproxy:
    name = "haproxy"
    command = ["haproxy", "-f", "FILE"]

    def whole(self, port: int, admin: int, backend: str) -> str:
        return f"""\
            global
                nbthread 2
                stats socket ipv4@127.0.0.1:{admin} level admin
            defaults
                mode http
                timeout connect 2s
                timeout client 30s
                timeout server 5s
                option redispatch 1
                retries 3
                retry-on all-retryable-errors
            frontend web
                bind 127.0.0.1:{port}
                default_backend app
            backend app
            {backend}
        """

    def file(self, folder: Path, port: int, admin: int, servers: list[str]) -> str:
        lines = [
            "balance leastconn",
            "option httpchk GET /healthz",
            "default-server check inter 500ms fall 3 rise 2 observe layer7 error-limit 5 on-error mark-down",
            *(f"server {server} {server}" for server in servers),
        ]
        return self.whole(port, admin, "".join(f"    {line}\n            " for line in lines).rstrip())


def run(program, folder: Path, text: str, port: int, **more) -> subprocess.Popen:
    """Starts a program with that configuration."""
    file = folder / f"{program.name}.conf"
    file.write_text(textwrap.dedent(text).rstrip(" "))
    command = [part.replace("FILE", str(file)).replace("FOLDER", str(folder)) for part in program.command]
    process = world.start(*command, stderr=open(folder / f"{program.name}.log", "a"), **more)
    world.wait_for(port)
    return process


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
