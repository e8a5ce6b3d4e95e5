"""The load scenarios: what is asked for, over how many connections."""

import os
from dataclasses import dataclass

LUA_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lua")


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    path: str
    connections: int
    response_bytes: int | None  # None: any length will do
    method: str = "GET"
    request_bytes: int = 0
    lua: str | None = None  # a wrk script below bench/lua/
    headers: tuple = ()  # fields of the request, "Name: value"
    # For caches: how many objects have to be stored before the run, which then asks the
    # origin for nothing; and the wrk script that stores them, if that is more than one.
    stored: int = 0
    filling: str | None = None


SCENARIOS = [
    Scenario("get-1k-64", "GET 1 KiB, 64 connections", "/1k", 64, 1024),
    Scenario("get-1k-1", "GET 1 KiB, 1 connection", "/1k", 1, 1024),
    Scenario("get-100k-64", "GET 100 KiB, 64 connections", "/100k", 64, 102400),
    Scenario("post-4k-64", "POST 4 KiB, 64 connections", "/post", 64, None,
             method="POST", request_bytes=4096, lua="post.lua"),
    Scenario("chunked-64", "GET 4 KiB chunked, 64 connections", "/chunked", 64, 4096),
]

CACHE_SCENARIOS = [
    Scenario("cache-1k-64", "cache hit of 1 KiB, 64 connections", "/cached/1k", 64, 1024,
             stored=1),
    Scenario("cache-100k-64", "cache hit of 100 KiB, 64 connections", "/cached/100k", 64,
             102400, stored=1),
    Scenario("cache-zipf-64", "cache hits in 100,000 objects of 1 KiB by Zipf's law, "
             "64 connections", "/cached/1", 64, 1024, lua="zipf.lua", stored=100_000,
             filling="objects.lua"),
]

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS + CACHE_SCENARIOS}
