"""A table of what happened: on the screen while it happens, and as Markdown in a document."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
from pathlib import Path

from . import world


class Table:
    """The first `left` columns are words, the others figures."""

    def __init__(self, columns: list[str], widths: list[int], left: int) -> None:
        self.columns, self.widths, self.left = columns, widths, left
        self.rows: list[list[str]] = []
        print(self._line(columns), flush=True)

    def add(self, *cells: object) -> None:
        self.rows.append([str(cell) for cell in cells])
        print(self._line(self.rows[-1]), flush=True)

    def _line(self, cells: list[str]) -> str:
        aligned = (
            f"{cell:<{width}}" if index < self.left else f"{cell:>{width}}"
            for index, (cell, width) in enumerate(zip(cells, self.widths))
        )
        return " ".join(aligned)

    def markdown(self) -> str:
        kinds = ["---"] * self.left + ["--:"] * (len(self.columns) - self.left)
        rows = [self.columns, kinds, *self.rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def write(document: Path, name: str, text: str) -> None:
    """Puts the text between the document's markers of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before = document.read_text()
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    after, count = pattern.subn(lambda _: f"{begin}\n{text}\n{end}", before)
    if count != 1:
        raise SystemExit(f"{document} has no place for it: {begin} … {end}")
    document.write_text(after)


def circumstances() -> str:
    versions = ", ".join(filter(None, (_version("nginx", "-v"), _version("haproxy", "-v"))))
    return f"{versions}; {os.cpu_count()} cores, {datetime.date.today()}"


def _version(program: str, flag: str) -> str:
    if not world.is_installed(program):
        return ""
    done = subprocess.run([program, flag], capture_output=True, text=True, env={**os.environ, "PATH": world.PATH})
    number = re.search(r"\d+\.\d+", done.stderr + done.stdout)
    return f"{ {'nginx': 'nginx', 'haproxy': 'HAProxy'}[program] } {number[0] if number else '?'}"
