"""The programs that are rehearsed: how each is configured, started and asked about its servers."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
from pathlib import Path

from . import world
from .origin import __file__ as ORIGIN


def origin(name: str, port: int, host: str = "127.0.0.1", **more) -> subprocess.Popen:
    """An origin; what it is told goes to its standard input."""
    process = world.start(sys.executable, "-S", ORIGIN, name, f"{host}:{port}", stdin=subprocess.PIPE, **more)
    world.wait_for(port, host)
    return process


class Tenfold:
    name = "tenfold"

    def __init__(self, binary: Path) -> None:
        self.command = [str(binary / "tenfold"), "run", "FILE"]

    def file(self, folder: Path, port: int, admin: int, servers: list[str]) -> str:
        addresses = ", ".join(f'"{server}"' for server in servers)
        return f"""
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
            servers = [{addresses}]
            health = {{ path = "/healthz", every = "500ms", timeout = "500ms" }}
        """

    def names(self, folder: Path, port: int, admin: int, name: str) -> str:
        text = self.file(folder, port, admin, [])
        return text.replace("servers = []", f'discover = {{ dns = "{name}" }}')

    async def out(self, admin: int) -> set[str]:
        """The servers that get no requests at the moment, as it says itself."""
        upstream = json.loads(await _get(admin, "GET /api/v1/upstreams/app HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        return {it["address"] for it in upstream["endpoints"] if it["state"] not in ("up", "starting")}


class Nginx:
    name = "nginx"
    command = ["nginx", "-p", "FOLDER", "-c", "FILE"]
    out = None

    def whole(self, folder: Path, port: int, upstream: str, locations: str) -> str:
        # Of these namespaces only root exists; elsewhere `user` says nothing to a master that is not root.
        return f"""
            daemon off; worker_processes 2; user root root; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; keepalive_requests 1000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                proxy_connect_timeout 2s; proxy_read_timeout 5s; proxy_http_version 1.1; proxy_set_header Connection "";
                {upstream}
                server {{ listen 127.0.0.1:{port} reuseport; {locations} }}
            }}
        """

    def file(self, folder: Path, port: int, admin: int, servers: list[str]) -> str:
        each = "".join(f"server {server} max_fails=1 fail_timeout=10s;" for server in servers)
        return self.whole(folder, port, f"upstream app {{ {each} keepalive 64; }}", "location / { proxy_pass http://app; }")

    def names(self, folder: Path, port: int, admin: int, name: str) -> str:
        # Without its commercial version (or 1.27.3) a name is looked up again only if a variable holds it.
        upstream = f"resolver {world.NAME_SERVER} ipv6=off;"
        return self.whole(folder, port, upstream, f"location / {{ set $app {name}; proxy_pass http://$app; }}")


class Haproxy:
    name = "haproxy"
    command = ["haproxy", "-f", "FILE"]

    def whole(self, port: int, admin: int, backend: str) -> str:
        return f"""
            global
                nbthread 2
                stats socket ipv4@127.0.0.1:{admin} level admin
            defaults
                mode http
                timeout connect 2s
                timeout client 30s
                timeout server 5s
                option redispatch
                retries 3
            frontend web
                bind 127.0.0.1:{port}
                default_backend app
            backend app
                option httpchk GET /healthz
                default-server check inter 500ms
{backend}
        """

    def file(self, folder: Path, port: int, admin: int, servers: list[str]) -> str:
        return self.whole(port, admin, "\n".join(f"                server {server} {server}" for server in servers))

    def names(self, folder: Path, port: int, admin: int, name: str) -> str:
        resolvers = f"            resolvers dns\n                nameserver a {world.NAME_SERVER}:53\n                hold valid 1s\n"
        server = f"                server-template app 4 {name} resolvers dns resolve-prefer ipv4\n"
        return self.whole(port, admin, server + resolvers)

    async def out(self, admin: int) -> set[str]:
        text = (await _get(admin, "show stat\n")).lstrip("# ")
        rows = csv.DictReader(text.splitlines())
        return {row["svname"] for row in rows if row["pxname"] == "app" and row["status"].startswith(("DOWN", "MAINT", "NOLB"))}


async def _get(port: int, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode())
        answer = (await reader.read()).decode()
        return answer.split("\r\n\r\n", 1)[-1]
    finally:
        writer.close()


def run(program, folder: Path, text: str, port: int) -> subprocess.Popen:
    """Starts a program with that configuration."""
    file = folder / f"{program.name}.conf"
    file.write_text(text)
    command = [part.replace("FILE", str(file)).replace("FOLDER", str(folder)) for part in program.command]
    process = world.start(*command, stderr=open(folder / f"{program.name}.log", "a"))
    world.wait_for(port)
    return process


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
