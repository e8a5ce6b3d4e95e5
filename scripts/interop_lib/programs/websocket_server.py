"""A WebSocket echo server that does a few other things when told to."""

import asyncio
import json
import sys
from http import HTTPStatus

import websockets

codes = []  # with which clients closed


async def serve(socket):
    try:
        async for message in socket:
            if message == "close me":
                await socket.close(4001, "the server says goodbye")
            elif message == "ping me":
                await asyncio.wait_for(await socket.ping(b"from the server"), 10)
                await socket.send("pong came")
            elif message == "codes":
                await socket.send(json.dumps(codes))
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    finally:
        codes.append(socket.close_code)


async def refuse(path, headers):
    if path != "/refuse":
        return None
    return HTTPStatus.FORBIDDEN, [("X-Why", "not here")], b"no\n"


async def main():
    # No pings of its own: the gateway has to keep an idle connection without them.
    async with websockets.serve(serve, "127.0.0.1", int(sys.argv[1]), ping_interval=None,
                                max_size=None, process_request=refuse, subprotocols=["echo.test"]):
        await asyncio.Future()


asyncio.run(main())
