"""A wsgiref server: says the hash of what was uploaded, or answers without a Content-Length."""

import hashlib
import json
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def upload(environ, start_response):
    left = int(environ.get("CONTENT_LENGTH") or 0)
    digest, size = hashlib.sha256(), 0
    while left > 0 and (piece := environ["wsgi.input"].read(min(left, 65536))):
        digest.update(piece)
        size += len(piece)
        left -= len(piece)
    answer = {"method": environ["REQUEST_METHOD"], "size": size, "sum": digest.hexdigest()}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def pieces(environ, start_response):
    """Without a Content-Length the end of the connection is the end of the body."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for number in range(200):
        yield bytes([number]) * (number * 37)


def app(environ, start_response):
    handler = pieces if environ["PATH_INFO"] == "/pieces" else upload
    return handler(environ, start_response)


make_server("127.0.0.1", int(sys.argv[1]), app, handler_class=QuietHandler).serve_forever()
