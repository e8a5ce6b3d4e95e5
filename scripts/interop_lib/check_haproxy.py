"""HAProxy behind the gateway, and in front of it: two proxies in a row change nothing either."""

from __future__ import annotations

from . import origins
from .pair import Pair
from .report import Report
from .stage import Stage
from .tree import plant

SERVER = "gzip on; gzip_proxied any; gzip_types text/plain;"


def run(stage: Stage, report: Report) -> None:
    tree = plant(stage.path("tree"))
    origin = origins.nginx(stage, tree.root, SERVER)
    # What is compared with: HAProxy alone, since it spells all field names in lower case.
    alone = origins.haproxy(stage, origin.port)
    behind = stage.gateway(alone.port)
    before = origins.haproxy(stage, stage.gateway(origin.port).port)
    ways = {"gateway > HAProxy > nginx": behind.port, "HAProxy > gateway > nginx": before.port}
    for way, port in ways.items():
        pair = Pair(stage, alone.port, port, tree)
        with report.case(f"{way}: every file equal") as case:
            case.figure = pair.compare_with_disk(list(tree.files))
        with report.case(f"{way}: gzip, HEAD, ranges equal") as case:
            paths = tree.paths(".html", ".txt")
            pair.compare(paths, "--header", "Accept-Encoding: gzip")
            pair.compare(paths, "--head")
            pair.compare(paths, "--header", "Range: bytes=5-99")
            case.figure = f"{3 * len(paths)} requests"
