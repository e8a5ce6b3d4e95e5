"""A tree of files to serve: real documentation if there is some, and sizes where things break."""

from __future__ import annotations

import os
import random
import shutil
import urllib.parse
import zlib
from dataclasses import dataclass
from pathlib import Path

DOCUMENTATION = Path("/usr/share/doc")
MOST_OF_A_KIND = 45
LARGEST = 5_000_000
# Around what packets, pages, buffers and windows hold.
EDGES = (0, 1, 2, 3, 100, 1023, 1024, 1025, 1447, 1448, 1449, 4095, 4096, 4097, 8191, 8192, 8193,
         16383, 16384, 16385, 32768, 65535, 65536, 65537, 131071, 131073, 262144, 1_000_003,
         LARGEST)
KINDS = ("html", "txt", "gz", "bin")
ODD_NAMES = ("with space.txt", "plus+and&ampersand.txt", "per%cent.txt", "ünïcödé.html",
             "semi;colon,comma.txt", "tilde~(paren)'quote'.txt", "question?mark.txt", "hash#.txt")


@dataclass
class Tree:
    root: Path
    files: dict[str, Path]  # by the path of their URL

    def paths(self, *suffixes: str, at_most: int | None = None) -> list[str]:
        """URLs of files, of these suffixes only if any are given."""
        found = [path for path in self.files if not suffixes or path.endswith(suffixes)]
        return found[:at_most]

    def small(self, at_most: int, size: int = 4096) -> list[str]:
        """URLs of files that are neither empty nor large."""
        found = [path for path, file in self.files.items() if 0 < file.stat().st_size <= size]
        return found[:at_most]


def plant(root: Path) -> Tree:
    """Fills the directory; the same every time on the same machine."""
    root.mkdir()
    numbers = random.Random("tenfold")
    _copy_documentation(root / "doc")
    _make_edges(root / "sizes", numbers)
    _make_odd_names(root / "odd names", numbers)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return Tree(root, {"/" + urllib.parse.quote(str(path.relative_to(root))): path
                       for path in files})


def _copy_documentation(target: Path) -> None:
    """A few hundred real files, of each kind some."""
    target.mkdir()
    taken: dict[str, int] = {}
    for directory, names, files in os.walk(DOCUMENTATION):
        names.sort()
        for name in sorted(files):
            source = Path(directory) / name
            kind = source.suffix[:8]
            if taken.get(kind, 0) >= MOST_OF_A_KIND or source.is_symlink():
                continue
            if len(taken) > 20 and kind not in taken or source.stat().st_size > LARGEST:
                continue
            taken[kind] = taken.get(kind, 0) + 1
            copy = target / source.relative_to(DOCUMENTATION)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def _make_edges(target: Path, numbers: random.Random) -> None:
    target.mkdir()
    for number, size in enumerate(EDGES):
        for kind in (KINDS[number % 4], KINDS[(number + 1) % 4]):
            (target / f"{size}.{kind}").write_bytes(content(kind, size, numbers))
    for number in range(120):
        kind, size = KINDS[number % 4], int(2 ** numbers.uniform(0, 17))
        (target / f"random-{number}.{kind}").write_bytes(content(kind, size, numbers))


def content(kind: str, size: int, numbers: random.Random) -> bytes:
    """Bytes of a kind: text that compresses, or noise."""
    if kind == "bin":
        return numbers.randbytes(size)
    if kind == "gz":
        return (zlib.compress(numbers.randbytes(size), wbits=31))[:size]
    words = [f"word{number} <b>{number * number}</b>\n" for number in range(500)]
    text = "".join(numbers.choices(words, k=size // 15 + 1)).encode()
    return (text * 2)[:size]


def _make_odd_names(target: Path, numbers: random.Random) -> None:
    target.mkdir()
    for name in ODD_NAMES:
        (target / name).write_bytes(content("txt", 500, numbers))
