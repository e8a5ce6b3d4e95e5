"""An origin side by side with itself through a gateway."""

from __future__ import annotations

from .curl import fetch
from .report import megabytes, none_of
from .stage import HOST, Stage
from .tree import Tree
from .wire import Answer, Wire, differences


class Pair:
    """An origin, and the same through a gateway."""

    def __init__(self, stage: Stage, direct: int, through: int, tree: Tree) -> None:
        self.stage, self.tree = stage, tree
        self.direct, self.through = direct, through

    def compare(self, paths: list[str], *arguments: str, parallel: int = 16) -> list[Answer]:
        """Fetches these paths both ways; fails if anything differs; returns the answers."""
        direct, through = (fetch(self.stage, port, paths, *arguments, parallel=parallel)
                           for port in (self.direct, self.through))
        return _equal(paths, direct, through)

    def compare_with_disk(self, paths: list[str], parallel: int = 16) -> str:
        """The same for files, whose bytes are known; returns a figure."""
        return self._as_on_disk(paths, self.compare(paths, parallel=parallel))

    def compare_on_one_connection(self, paths: list[str], parallel: int = 16) -> str:
        """The same over one connection to the gateway, which must not close it."""
        direct = fetch(self.stage, self.direct, paths, parallel=parallel)
        with Wire(self.through) as wire:
            through = []
            for path in paths:
                wire.send(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{self.through}\r\n\r\n".encode())
                through.append(wire.receive())
        return self._as_on_disk(paths, _equal(paths, direct, through))

    def _as_on_disk(self, paths: list[str], answers: list[Answer]) -> str:
        none_of([f"{path}: {answer.status}" for path, answer in zip(paths, answers)
                 if answer.status != 200 or answer.body != self.tree.files[path].read_bytes()],
                "files that are not what is on disk")
        return f"{len(paths)} files, {megabytes(sum(len(one.body) for one in answers))}"


def _equal(paths: list[str], direct: list[Answer], through: list[Answer]) -> list[Answer]:
    none_of([f"{path}: {problem}"
             for path, here, there in zip(paths, direct, through, strict=True)
             for problem in differences(here, there)], "differences to a direct fetch")
    return through
