"""Three origins, and what can become of the second one."""

from __future__ import annotations

import asyncio
import os
import signal

from . import programs, world

SERVERS = 3
BAD = 5.0
FLAPS, FLAP = 3, 1.5


class Scene:
    """Three origins; the second one goes bad."""

    def __init__(self) -> None:
        self.ports = [world.free_port() for _ in range(SERVERS)]
        self.servers = [f"127.0.0.1:{port}" for port in self.ports]
        self.processes = []
        for number, port in enumerate(self.ports):
            self.processes.append(programs.origin(str(number), port))

    @property
    def bad(self):
        return self.processes[1]

    def tell(self, mode: str) -> None:
        self.bad.stdin.write(f"{mode}\n".encode())
        self.bad.stdin.flush()

    def kill(self) -> None:
        self.bad.kill()
        self.bad.wait()

    def start_again(self) -> None:
        self.processes[1] = programs.origin("1", self.ports[1])

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


# Each returns how long the first bad phase was, when all is well again.


async def killed(scene: Scene) -> float:
    scene.kill()
    await asyncio.sleep(BAD)
    await asyncio.to_thread(scene.start_again)
    return BAD


async def frozen(scene: Scene) -> float:
    os.kill(scene.bad.pid, signal.SIGSTOP)
    await asyncio.sleep(BAD)
    os.kill(scene.bad.pid, signal.SIGCONT)
    return BAD


async def failing(scene: Scene) -> float:
    return await _told(scene, "failing")


async def slow(scene: Scene) -> float:
    return await _told(scene, "slow")


async def _told(scene: Scene, mode: str) -> float:
    scene.tell(mode)
    await asyncio.sleep(BAD)
    scene.tell("well")
    return BAD


async def flapping(scene: Scene) -> float:
    for flap in range(FLAPS):
        scene.kill()
        await asyncio.sleep(FLAP)
        await asyncio.to_thread(scene.start_again)
        if flap < FLAPS - 1:
            await asyncio.sleep(FLAP)
    return FLAP


FAULTS = {
    "killed": (killed, "killed (SIGKILL)"),
    "frozen": (frozen, "frozen (SIGSTOP)"),
    "failing": (failing, "500 at once"),
    "slow": (slow, "a second slower"),
    "flapping": (flapping, f"down and up every {FLAP} s"),
}
