"""The lines that are printed, and what they add up to."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator

TTY = sys.stdout.isatty()
COLOR = TTY and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
MOST_DETAILS = 8


class Failure(Exception):
    """A check found something wrong; one detail per line of the message."""


class Skip(Exception):
    """A check cannot run here; the message says why."""


# What goes wrong inside a case and is a result of it, not the end of everything.
CAUGHT = (Failure, OSError, EOFError, ValueError, http.client.HTTPException,
          subprocess.SubprocessError)


def paint(text: str, *styles: str) -> str:
    if not COLOR or not text:
        return text
    return f"\033[{';'.join(CODES[style] for style in styles)}m{text}\033[0m"


def check_that(condition: object, *details: str) -> None:
    """Fails with these details unless the condition holds."""
    if not condition:
        raise Failure("\n".join(details))


def none_of(problems: list[str], what: str) -> None:
    """Fails if there are problems."""
    check_that(not problems, f"{len(problems)} {what}:", *problems)


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


class Case:
    """One line: what is tried, and a figure that says how much of it there was."""

    def __init__(self) -> None:
        self.figure = ""


class Report:
    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.name = ""
        self.passed = self.failed = self.skipped = 0
        self.failures: list[str] = []

    @contextlib.contextmanager
    def case(self, what: str) -> Iterator[Case]:
        """A line of the current check; a failure inside is printed and does not spread."""
        case, started = Case(), time.monotonic()
        try:
            yield case
        except Skip as skip:
            self.skip(what, str(skip))
        except CAUGHT as error:
            self.failed += 1
            self.failures.append(f"{self.name}: {what}")
            self._line(what, paint("FAILED", "red", "bold"), 6, case.figure)
            is_ours = isinstance(error, Failure)
            details = str(error) if is_ours else f"{type(error).__name__}: {error}"
            for number, line in enumerate(details.splitlines()):
                if number == MOST_DETAILS:
                    print("             ...")
                    break
                print(f"             {line[:400]}", flush=True)
        else:
            self.passed += 1
            took = time.monotonic() - started
            figure = ", ".join(part for part in (case.figure, f"{took:.1f} s") if part)
            self._line(what, paint("ok", "green"), 2, figure)

    def skip(self, what: str, why: str) -> None:
        self.skipped += 1
        self._line(what, paint("skipped", "yellow"), 7, why)

    def _line(self, what: str, result: str, width: int, figure: str) -> None:
        result += " " * (8 - width)
        print(f"{self.name:<11}  {what:<58}  {result}  {figure}".rstrip(), flush=True)

    def summary(self, seconds: float) -> int:
        """Prints how it went; returns the exit code."""
        is_bad = self.failed > 0 or (self.strict and self.skipped > 0)
        text = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        print(paint(f"\n{text}, {seconds:.0f} s", "red" if is_bad else "green", "bold"))
        for failure in self.failures:
            print(f"  failed: {failure}")
        if self.strict and self.skipped:
            print("  --strict: what is skipped counts as failed")
        return 1 if is_bad else 0
