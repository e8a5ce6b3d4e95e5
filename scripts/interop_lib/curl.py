"""curl: many fetches at once, and single ones with all that curl says about them."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .report import Failure, check_that
from .stage import HOST, Stage, find
from .wire import Answer, parse_head

TIMEOUT = 90


@dataclass
class Said:
    """What one curl did."""

    code: int
    output: bytes
    verbose: str
    written: str

    def answer(self) -> Answer:
        check_that(self.code == 0, f"curl ended with {self.code}", self.verbose[-600:])
        return parse(self.output)


def parse(data: bytes) -> Answer:
    """What `curl --include` wrote: heads, interim ones first, and the body without framing."""
    interim = []
    while True:
        head, end, data = data.partition(b"\r\n\r\n")
        if not end:
            raise Failure(f"curl wrote no complete head: {head[:200]!r}")
        answer = parse_head(head)
        if answer.status >= 200:
            answer.body, answer.interim = data, interim
            return answer
        interim.append(answer)


def curl(*arguments: str, data: bytes | None = None, **popen: object) -> Said:
    """Runs curl with --include and --verbose; `data` is its standard input."""
    mark = "\n@@@"
    command = [find("curl"), "--disable", "--silent", "--show-error", "--include", "--verbose",
               "--max-time", str(TIMEOUT),
               "--write-out", f"%{{stderr}}{mark}%{{time_total}} %{{num_connects}}", *arguments]
    # An answer may come before the input was read (a refused upload), so that writing may fail;
    # communicate() ignores that.
    done = subprocess.run(command, input=data if data is not None else b"",
                          capture_output=True, timeout=TIMEOUT + 10, **popen)
    verbose, _, written = done.stderr.decode("latin-1").rpartition(mark)
    return Said(done.returncode, done.stdout, verbose, written)


def fetch(stage: Stage, port: int, paths: list[str], *arguments: str,
          parallel: int = 16) -> list[Answer]:
    """Fetches all these paths of a server with one curl, with these arguments for each.

    With `parallel` 1 they go one by one, over a single connection as far as the server allows.
    """
    with tempfile.TemporaryDirectory(dir=stage.directory) as directory:
        lines = []
        for number, path in enumerate(paths):
            lines += [f'url = "http://{HOST}:{port}{path}"', f'output = "{directory}/{number}"']
        config = Path(directory) / "urls"
        config.write_text("\n".join(lines))
        command = [find("curl"), "--disable", "--silent", "--show-error", "--include", "--globoff",
                   "--path-as-is", "--max-time", str(TIMEOUT), *arguments]
        if parallel > 1:
            command += ["--parallel", "--parallel-max", str(parallel)]
        done = subprocess.run([*command, "--config", str(config)], capture_output=True,
                              timeout=TIMEOUT + 10)
        check_that(done.returncode == 0, f"curl ended with {done.returncode} on port {port}",
                   done.stderr.decode("latin-1")[-600:])
        return [parse((Path(directory) / str(number)).read_bytes())
                for number in range(len(paths))]
