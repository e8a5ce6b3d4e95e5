"""What the programs are told when their configuration is changed under load: the same routes for each of them.

`/long/*` goes to an origin that holds streams, `/named/*` to the addresses of a name (where there is one), everything else
to three origins.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from . import world


class Places(NamedTuple):
    origins: list[int]
    long: int
    # NAME:PORT, or none.
    name: str | None


def tenfold(places: Places, port: int, admin: int, round_: int = 0, routes: int = 0) -> str:
    """`round_` changes weights, routes and whether there is a second listener; `routes` are so many further ones."""
    lines = [f'[gateway]\nworkers = 2\ndrain_timeout = "5m"\n[admin]\nlisten = "127.0.0.1:{admin}"']
    lines.append(f'[listener.web]\nlisten = "127.0.0.1:{port}"')
    if round_ % 2:
        lines.append('[listener.more]\nlisten = "127.0.0.1:0"')
    lines += [f'[[route]]\npath = "/{round_}/{number}/*"\nupstream = "app"' for number in range(max(routes, 1))]
    servers = ", ".join(
        f'{{ address = "127.0.0.1:{origin}", weight = {1 + (round_ + index) % 3} }}'
        for index, origin in enumerate(places.origins)
    )
    lines.append(f'[[route]]\nname = "all"\nupstream = "app"\n[upstream.app]\nservers = [{servers}]')
    lines.append(f'[[route]]\npath = "/long/*"\nupstream = "long"\n[upstream.long]\nservers = "127.0.0.1:{places.long}"')
    if places.name:
        lines.append(f'[[route]]\npath = "/named/*"\nupstream = "named"\n[upstream.named]\ndiscover.dns = "{places.name}"')
    return "\n".join(lines) + "\n"


def nginx(places: Places, port: int, folder: Path) -> str:
    servers = "".join(f"server 127.0.0.1:{port};" for port in places.origins)
    # Before 1.27.3 a name is resolved again only if a variable holds it.
    named = f"location /named/ {{ resolver {world.NAME_SERVER} ipv6=off; set $named {places.name}; proxy_pass http://$named; }}"
    return f"""\
daemon off; worker_processes 2; user root root; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_connect_timeout 2s;
    upstream app {{ {servers} keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{ proxy_pass http://app; }}
        location /long/ {{
            proxy_pass http://127.0.0.1:{places.long};
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;
        }}
        {named if places.name else ""}
    }}
}}
"""


def haproxy(places: Places, port: int, folder: Path) -> str:
    servers = "\n".join(f"    server s{port} 127.0.0.1:{port}" for port in places.origins)
    named = f"""
backend named
    server-template named 4 {places.name} resolvers dns resolve-prefer ipv4 init-addr none
resolvers dns
    nameserver a {world.NAME_SERVER}:53
    hold valid 1s
"""
    return f"""\
global
    nbthread 2
    stats socket {folder}/haproxy.sock level admin expose-fd listeners
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    option redispatch 1
    retries 3
    retry-on all-retryable-errors
frontend web
    bind 127.0.0.1:{port}
    use_backend long if {{ path_beg /long/ }}
    {"use_backend named if { path_beg /named/ }" if places.name else ""}
    default_backend app
backend app
{servers}
backend long
    server long 127.0.0.1:{places.long}
{named if places.name else ""}"""
