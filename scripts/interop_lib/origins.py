"""Servers that nobody here wrote, each with the little configuration it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .report import Skip
from .stage import HOST, PROGRAMS, PYTHON, Server, Stage, find

# One process (master_process off), so that ending it ends all of it; all paths below one directory,
# so that no privileges are needed.
NGINX = """
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log warn;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  access_log {access_log};
  default_type application/octet-stream;
  types {{
    text/html html; text/plain txt; text/css css; text/javascript js; text/markdown md;
    image/png png; image/svg+xml svg; application/gzip gz; application/json json;
  }}
  charset utf-8;
  sendfile {sendfile}; tcp_nopush on;
  server {{
    listen {host}:{port} {listen};
    root {root};
    {server}
  }}
}}
"""

HAPROXY = """
global
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind {host}:{port}
  default_backend out
backend out
  server one {host}:{target}
"""


def nginx(stage: Stage, root: Path, server: str = "", port: int | None = None,
          sendfile: str = "on", access_log: str = "off", listen: str = "") -> Server:
    """Debian's nginx on a directory; `server` is added to the server's block."""
    program = find("nginx")
    port = port or stage.port()
    directory = stage.path("nginx")
    directory.mkdir()
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(directory=directory, port=port, host=HOST, root=root,
                                   server=server, sendfile=sendfile, access_log=access_log,
                                   listen=listen))
    # -e: until the configuration is read, nginx logs to a built-in path that only root may open.
    command = [program, "-p", str(directory), "-e", str(directory / "error.log"),
               "-c", str(config)]
    return stage.server("nginx", command, port)


def haproxy(stage: Stage, target: int) -> Server:
    """HAProxy in front of a port."""
    program = find("haproxy")
    port = stage.port()
    config = stage.path("haproxy.cfg")
    config.write_text(HAPROXY.format(host=HOST, port=port, target=target))
    return stage.server("haproxy", [program, "-db", "-f", str(config)], port)


def node(stage: Stage, program: str) -> Server:
    """Node.js with one of our small programs."""
    port = stage.port()
    return stage.server("node", [find("node", "nodejs"), str(PROGRAMS / program), str(port)], port)


def python(stage: Stage, *arguments: str, cwd: Path | None = None) -> Server:
    """Python; `{port}` in the arguments is replaced."""
    port = stage.port()
    command = [PYTHON, "-B", *(argument.format(port=port) for argument in arguments)]
    return stage.server("python", command, port, cwd=cwd)


def need_websockets() -> None:
    """Skips where Debian's python3-websockets is missing."""
    command = [PYTHON, "-c", "import websockets"]
    if subprocess.run(command, capture_output=True).returncode != 0:
        raise Skip("not installed: python3-websockets, run scripts/setup")
