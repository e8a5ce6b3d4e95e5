"""wrk: load, and what it says went wrong."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from .report import Failure
from .stage import HOST, Stage, find

# One request after the other over these paths; each thread begins elsewhere.
LUA = """
local paths = {{ {paths} }}
local next = 0
function setup(thread) thread:set("first", math.random(#paths)) end
function init() next = first end
function request()
  next = next % #paths + 1
  return wrk.format("GET", paths[next])
end
"""


@dataclass
class Result:
    requests: int
    refused: int
    read: int
    write: int
    timeout: int
    bad_status: int

    def problems(self) -> list[str]:
        """All but connections that were refused."""
        counts = {"read errors": self.read, "write errors": self.write,
                  "timeouts": self.timeout, "answers that are neither 2xx nor 3xx": self.bad_status}
        found = [f"wrk counted {count} {what}" for what, count in counts.items() if count]
        if self.requests < 1000:
            found.append(f"wrk made only {self.requests} requests")
        return found


class Wrk:
    """A running wrk."""

    def __init__(self, stage: Stage, port: int, paths: list[str], seconds: int,
                 connections: int = 64) -> None:
        script = stage.path("wrk.lua")
        script.write_text(LUA.format(paths=", ".join(f'"{path}"' for path in paths)))
        command = [find("wrk"), "-t", "2", "-c", str(connections), "-d", f"{seconds}s",
                   "-s", str(script), f"http://{HOST}:{port}"]
        self.seconds = seconds
        self.process = stage.popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True)

    def result(self) -> Result:
        """Waits for the end."""
        text, _ = self.process.communicate(timeout=self.seconds + 20)
        requests = re.search(r"(\d+) requests in", text)
        if self.process.returncode != 0 or not requests:
            raise Failure(f"wrk ended with {self.process.returncode}:\n{text}")
        errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        bad_status = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        return Result(int(requests[1]), *(int(one) for one in errors.groups() if errors)
                      if errors else (0, 0, 0, 0), int(bad_status[1]) if bad_status else 0)
