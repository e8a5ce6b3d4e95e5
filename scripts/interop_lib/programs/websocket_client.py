"""A WebSocket client: does the case it is told and prints a figure, or fails with an exception."""

import asyncio
import json
import random
import sys

import websockets

URL = f"ws://127.0.0.1:{sys.argv[1]}"
CONNECTIONS, MESSAGES = 50, 200


def connect(path="/", **more):
    return websockets.connect(URL + path, ping_interval=None, max_size=None, **more)


async def echoes(socket, message):
    await socket.send(message)
    answer = await asyncio.wait_for(socket.recv(), 20)
    assert answer == message, f"{len(message)} sent, {len(answer)} returned: {answer[:60]!r}"


async def text():
    async with connect(subprotocols=["echo.test"]) as socket:
        assert socket.subprotocol == "echo.test", socket.subprotocol
        messages = ["", "a", "ünïcödé \u2603 \U0001f600", "x" * 125, "y" * 126, "z" * 65536]
        for message in messages:
            await echoes(socket, message)
        return f"{len(messages)} messages"


async def binary():
    for compression in (None, "deflate"):
        async with connect(compression=compression) as socket:
            for number in range(8):
                await echoes(socket, random.Random(number).randbytes(1 << 20))
            # In fragments, and many before the first answer is read.
            await socket.send([b"a" * 1000, b"b" * 70000, b"c"])
            assert await socket.recv() == b"a" * 1000 + b"b" * 70000 + b"c"
            for number in range(100):
                await socket.send(bytes([number]) * 1000)
            for number in range(100):
                assert await socket.recv() == bytes([number]) * 1000
    return "16 x 1 MiB, 2 x 100 at once"


async def ping():
    async with connect() as socket:
        for number in range(20):
            await asyncio.wait_for(await socket.ping(f"ping {number}".encode()), 10)
        await socket.send("ping me")
        assert await asyncio.wait_for(socket.recv(), 10) == "pong came"
    return "20 from the client, 1 from the server"


async def crowd():
    async def one(number):
        numbers = random.Random(number)
        async with connect(compression=None) as socket:
            for turn in range(MESSAGES):
                await echoes(socket, f"{number} {turn} " + "x" * numbers.randrange(2000))

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return f"{CONNECTIONS} connections, {CONNECTIONS * MESSAGES:,} messages"


async def close():
    async with connect() as socket:
        await socket.send("close me")
        try:
            await asyncio.wait_for(socket.recv(), 10)
            raise AssertionError("the server did not close")
        except websockets.ConnectionClosed:
            pass
        found = socket.close_code, socket.close_reason
        assert found == (4001, "the server says goodbye"), found
    async with connect() as socket:
        await socket.close(4002, "the client says goodbye")
    async with connect() as socket:
        await socket.send("codes")
        codes = json.loads(await socket.recv())
        assert 4002 in codes, f"the server saw {codes}"
    return "4001 from the server, 4002 from the client"


async def refuse():
    try:
        async with connect("/refuse"):
            raise AssertionError("the server's 403 did not arrive")
    except websockets.InvalidStatusCode as error:
        assert error.status_code == 403, error.status_code
        assert error.headers.get("X-Why") == "not here", error.headers
    return "403"


async def idle():
    async with connect() as socket:
        await echoes(socket, "before")
        await asyncio.sleep(5.5)
        await echoes(socket, "after")
        await asyncio.wait_for(await socket.ping(), 10)
    return "5.5 s of silence"


print(asyncio.run(globals()[sys.argv[2]]()))
